// Makes and undoes a fault through the Kubernetes API, step by step; callbacks may come at once.
#pragma once

#include "chaos/facts.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace remed::chaos {

class surgery : public std::enable_shared_from_this<surgery> {
public:
  using done = std::function<void(result<void>)>;

  /// `name` is what {{name}} stands for. The environment must outlive it.
  surgery(env::environment& where, setting about, std::string name);

  /// Runs all steps of `inject`; a failure says which one and why.
  void inject(done callback);
  /// Runs all steps of `inverse`. What is already gone is no failure.
  void undo(done callback);
  /// Tells Chaos Mesh to let go of objects whose deletion hangs.
  void force(done callback);

  /// Empty when nothing of the fault is left: no effect, no object, no patch; else what is.
  std::string remains(const env::observation& seen) const;
  /// "stresschaos.chaos-mesh.org/simple-micro/cpu-stress-1a2b3c4d" of each object made.
  const std::vector<std::string>& made() const { return made_; }

private:
  void inject_from(std::size_t step, done callback);
  void patch(const inject_step& step, std::size_t index, done callback);
  void undo_from(std::size_t step, done callback);
  void restore(const undo_step& step, std::size_t index, done callback);
  void force_from(std::size_t step, done callback);
  void send(std::string method, std::string path, json body, std::string type,
            std::function<void(int status, json answer)> answered);

  env::environment* where_;
  setting about_;
  std::string name_;
  words words_;
  std::map<std::string, json> originals_; ///< by API path, before the first patch
  std::vector<std::string> made_;
};

} // namespace remed::chaos

// Makes and undoes a fault through the Kubernetes API, step by step; callbacks may come at once.
#pragma once

#include "chaos/facts.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace remed::chaos {

class surgery : public std::enable_shared_from_this<surgery> {
public:
  using done = std::function<void(result<void>)>;

  /// `name` is what {{name}} stands for. The environment must outlive it.
  surgery(env::environment& where, setting about, std::string name);

  /// Runs all steps of `inject` and of `noise`; a failure says which one and why.
  void inject(done callback);
  /// For faults that are injected again and again: does so when nothing of it is in effect, and
  /// ends it when its cause is gone. Others are left alone. Call it every `rearm_interval`.
  void rearm(const facts& now, done callback);
  /// Runs all steps of `inverse` and removes the noise. What is already gone is no failure.
  void undo(done callback);
  /// Tells Chaos Mesh to let go of objects whose deletion hangs.
  void force(done callback);

  /// Empty when nothing of the fault is left: no effect, no object, no patch; else what is.
  std::string remains(const env::observation& seen) const;
  /// "stresschaos.chaos-mesh.org/simple-micro/cpu-stress-1a2b3c4d" of each object made.
  const std::vector<std::string>& made() const { return made_; }
  /// The same operation, to go on with in a copy of the environment it was begun in.
  std::shared_ptr<surgery> elsewhere(env::environment& copy) const;

private:
  /// A request and what may be answered to it.
  struct call {
    std::string verb, path, type;
    json body;
    std::string doing;    ///< for complaints: "creating …"
    bool lenient = false; ///< any answer will do; else 404 will, for a DELETE
    std::string makes;    ///< for made()
  };
  using calls = std::vector<call>;

  void run(std::shared_ptr<const calls> all, std::size_t from, done callback);
  result<void> load(double of_capacity);
  void remember(std::size_t step, done callback);
  void restore_from(std::size_t step, done callback);
  call to_call(const inject_step& step) const;
  calls creations() const;
  calls removals(std::size_t first_generation, std::size_t end) const;
  bool armed(const facts& now) const;
  words words_in(std::size_t generation) const;
  void send(std::string method, std::string path, json body, std::string type,
            std::function<void(int status, json answer)> answered);

  env::environment* where_;
  setting about_;
  std::string name_;
  words words_;
  std::map<std::string, json> originals_; ///< by API path, before the first step
  std::vector<std::string> made_;
  std::size_t generations_ = 1;      ///< how often what `inject` creates was created
  vtime armed_at_{};                 ///< when last created
  bool ended_ = false;               ///< the cause was gone at the last look
  std::set<std::string> armed_pods_; ///< uids of the target's pods when last created
};

/// How often `rearm` wants to be called. Virtual time.
inline constexpr duration rearm_interval = std::chrono::seconds{15};

} // namespace remed::chaos

// The image registries as the node sees them: what exists, how long it takes to fetch, what it
// runs.
#pragma once

#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <filesystem>
#include <regex>
#include <string>
#include <variant>
#include <vector>

namespace remed::env {

class cluster;

/// One image that exists.
struct image_facts {
  std::string reference;         ///< in full: "docker.io/library/busybox:1.35"
  std::string id;                ///< "docker.io/library/busybox@sha256:…"
  double bytes = 0;              ///< compressed
  duration pull{};               ///< time of a first pull
  std::vector<std::string> runs; ///< its own command
  bool exits = false;            ///< its own command ends at once, without a terminal
  int port = 0;                  ///< where its own command listens; 0: nowhere known
  std::vector<std::string> only; ///< all its executables; empty: has a shell and common tools
};

/// Why an image cannot be had, as the kubelet says it.
struct image_problem {
  std::string reason; ///< ErrImagePull or InvalidImageName
  std::string message;
};

class image_catalogue {
public:
  /// Reads the rows of a catalogue; errors name the file and the row.
  static result<image_catalogue> load(const std::filesystem::path& file);

  /// The image behind a reference as written in a pod, or why there is none.
  std::variant<image_facts, image_problem> look_up(const std::string& image) const;
  /// Likewise in a cluster: what its system's own manifests name is there even when the catalogue
  /// does not know the repository.
  std::variant<image_facts, image_problem> look_up(const cluster& c,
                                                   const std::string& image) const;

private:
  /// Its repository is in the catalogue, or it is no reference at all.
  bool knows(const std::string& image) const;

  struct row {
    std::regex image, tags;
    double mib = 10;
    std::vector<std::string> runs;
    bool exits = false;
    int port = 0;
    std::vector<std::string> only;
  };
  std::vector<row> rows_;
};

} // namespace remed::env

// The host process as this program sees it.
#pragma once

#include "runtime/result.hpp"
#include "tools/ansible.hpp"
#include "tools/spawn.hpp"

#include <array>
#include <memory>
#include <string>

namespace remed::tools {

/// Descriptors of one run, in the order host.py takes them.
struct host_request {
  unique_fd connection, request, out, err, events, control;
};

class ansible_host {
public:
  ansible_host(spawned child, unique_fd control, unique_fd log, sandbox_spec::mode mode)
      : child_(std::move(child)), control_(std::move(control)), log_(std::move(log)), mode_(mode) {}
  ~ansible_host();
  ansible_host(const ansible_host&) = delete;
  ansible_host& operator=(const ansible_host&) = delete;

  /// Sends a run; one message, so any thread may. False when the host's queue is full for now.
  result<bool> submit(const host_request& request);
  /// What the host has printed: how long it took to get ready, and why it ended if it did.
  std::string log() const;
  sandbox_spec::mode mode() const { return mode_; }

private:
  spawned child_;
  unique_fd control_, log_;
  sandbox_spec::mode mode_;
};

/// For tests and `doctor`: what the host has printed so far.
std::string ansible_host_log(const ansible_host& host);

} // namespace remed::tools

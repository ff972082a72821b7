// The tools one thread's worlds share: a line for child processes, and Ansible.
#pragma once

#include "agents/process_slots.hpp"
#include "experiments/bench.hpp"
#include "tools/ansible.hpp"

#include <memory>

namespace remed::experiments {

struct workshop::tools_of_thread {
  tools_of_thread(remed::tools::io_loop& loop, const settings& how,
                  std::shared_ptr<remed::tools::ansible_host> host,
                  std::shared_ptr<agents::process_gate> gate)
      : slots(gate ? std::move(gate) : std::make_shared<agents::process_gate>(1),
              [&loop](std::function<void()> task) { loop.post(std::move(task)); }) {
    if (how.tools == tool_kind::real) {
      ansible = remed::tools::make_ansible_runner(loop, how.ansible, how.sandbox, std::move(host));
    }
  }

  agents::process_slots slots;
  std::unique_ptr<remed::tools::ansible_runner> ansible;
};

} // namespace remed::experiments

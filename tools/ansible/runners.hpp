// The two ways to run a playbook.
#pragma once

#include "tools/ansible.hpp"
#include "tools/ansible/host.hpp"

namespace remed::tools {

std::unique_ptr<ansible_runner> make_command_runner(io_loop& loop, sandbox_spec::mode mode);
std::unique_ptr<ansible_runner> make_host_runner(io_loop& loop, std::shared_ptr<ansible_host> host);

} // namespace remed::tools

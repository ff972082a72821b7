#include "tests/e2e/playbook_pairs.hpp"

#include "runtime/paths.hpp"
#include "tools/kubectl.hpp"

#include <algorithm>
#include <regex>

namespace remed::test {

namespace {

constexpr double scale = 20; // virtual seconds per wall second, as in experiments

/// Facts describe the moment (clock, load, processes): which there are is compared, not their
/// value.
json without_moment(const json& value) {
  if (!value.is_object()) return value;
  auto out = value;
  if (const auto facts = out.find("ansible_facts"); facts != out.end() && facts->is_object()) {
    auto names = json::array();
    for (const auto& [name, ignored] : facts->items()) names.push_back(name);
    *facts = std::move(names);
  }
  return out;
}

std::string lines_of(const std::vector<tools::task_event>& events) {
  std::string out;
  for (const auto& e : events) {
    auto line = json::object();
    line["kind"] = e.kind;
    line["play"] = e.play;
    line["task"] = e.task;
    line["host"] = e.host;
    line["message"] = e.message;
    line["result"] = without_moment(e.result);
    out += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return out;
}

} // namespace

std::vector<std::filesystem::path> all_playbooks() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(data_root() / "tests/e2e/playbooks"))
    if (entry.path().extension() == ".yml") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

std::string same_for_all(std::string text) {
  static const std::pair<std::regex, const char*> volatile_parts[] = {
      {std::regex(R"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?)"), "TIME"},
      {std::regex(R"(\d:\d\d:\d\d\.\d{6})"), "LENGTH"},
      {std::regex(R"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"), "UID"},
      {std::regex(R"(((resourceVersion|generation|duration|elapsed)\\?"?: *['"]?)[0-9.]+)"), "$1N"},
      {std::regex(R"(ansible-tmp-[0-9.]+-\d+-\d+)"), "ansible-tmp-N"},
      {std::regex(R"(j?\d{6,}\.\d+)"), "JOB"},
      {std::regex(R"(ansible-(local-)?\d+[a-z0-9_]*(/tmp[a-z0-9_]+)?)"), "ansible-TMP"},
      {std::regex(R"(\btmp[a-z0-9_]{8}\b)"), "tmpN"},
      {std::regex(R"((mtime|ctime|atime|inode|dev|ansible_delta)("?: *)[0-9.]+)"), "$1$2N"},
  };
  for (const auto& [pattern, instead] : volatile_parts)
    text = std::regex_replace(text, pattern, instead);
  return text;
}

playbook_stage::playbook_stage() {
  auto system = env::load_system("simple-micro");
  REQUIRE(system);
  system_ = *system;
  env::boot_options options;
  options.start = experiments::wall_calendar() - std::chrono::minutes{30};
  auto booted = env::boot(system_, chaos::chaos_rules(), options);
  REQUIRE_MESSAGE(booted.ok(), (booted ? "" : booted.why().what));
  booted_ = std::move(*booted);
  REQUIRE(chaos::install_chaos(*booted_));
  booted_->advance_to(booted_->now() + std::chrono::seconds{60});
  auto host = tools::start_ansible_host(tools::sandbox_spec::mode::sandboxed, 4);
  REQUIRE_MESSAGE(host.ok(), (host ? "" : host.why().what));
  host_ = *host;
}

playbook_trace playbook_stage::run(const std::string& yaml, tools::ansible_backend backend) {
  tools::io_loop loop;
  constexpr auto mode = tools::sandbox_spec::mode::sandboxed;
  env::embedded_environment place(*booted_, system_, 1, booted_->now(), env::visibility::visible,
                                  chaos::chaos_hidden(), &loop, mode);
  tools::playbook_run wanted;
  wanted.yaml = yaml;
  wanted.inventory = "[k3s_control_plane]\n192.0.2.10 ansible_user=root\n";
  wanted.kubeconfig = place.admin_kubeconfig("https://127.0.0.1:6443");
  wanted.kubectl = tools::direct_kubectl(booted_->options().version);
  auto runner = tools::make_ansible_runner(loop, backend, mode, host_);
  std::shared_ptr<tools::http_server> server;
  std::optional<result<tools::playbook_result>> ended;
  auto handle = runner->run(
      wanted, [&](int fd) { server = place.serve_listener(fd); },
      [&](result<tools::playbook_result> r) { ended = std::move(r); });
  auto last = std::chrono::steady_clock::now();
  while (!ended) {
    const auto now = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration<double>(now - last).count();
    last = now;
    place.advance_to(place.now() + from_seconds(passed * scale));
    if (!loop.poll()) loop.run_for(std::chrono::milliseconds{5});
  }
  REQUIRE_MESSAGE(ended->ok(), (ended->ok() ? "" : ended->why().what));
  auto& r = **ended;
  return {r.exit_code,
          same_for_all(std::move(r.out)),
          same_for_all(std::move(r.err)),
          same_for_all(lines_of(r.tasks)),
          r.wall,
          r.cpu};
}

} // namespace remed::test

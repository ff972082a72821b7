#include "experiments/trace_replay.hpp"

#include "agents/models.hpp"
#include "experiments/bench.hpp"
#include "runtime/paths.hpp"

#include <unistd.h>

#include <cstdlib>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

/// A folder that is gone with it.
class passing_folder {
public:
  passing_folder() {
    std::error_code ec;
    auto name = (fs::temp_directory_path(ec) / "remed-replay-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~passing_folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  passing_folder(const passing_folder&) = delete;
  passing_folder& operator=(const passing_folder&) = delete;
  const fs::path& path() const { return path_; }

private:
  fs::path path_;
};

constexpr std::chrono::milliseconds patience{20};

void run_to_end(running& world, workshop& shop, const std::atomic<bool>& stop) {
  bool told = false;
  while (!world.over()) {
    if (stop && !told) world.cancel("interrupted");
    told = told || stop;
    const bool stepped = world.step();
    if (!shop.loop.poll() && !stepped && !world.over()) shop.loop.run_for(patience);
  }
}

result<record> run_with(const experiment_spec& spec, const settings& how,
                        std::function<result<std::unique_ptr<tools::model>>(workshop&)> make,
                        const std::atomic<bool>& stop) {
  std::shared_ptr<tools::ansible_host> host;
  if (how.tools == tool_kind::real) {
    if (how.sandbox == tools::sandbox_spec::mode::sandboxed) {
      if (auto possible = tools::sandbox_available(); !possible) return possible.why();
    }
    auto started = tools::start_ansible_host(how.sandbox, 1);
    if (!started) return started.why();
    host = std::move(*started);
  }
  workshop shop(how, host);
  shop.make_model = [&](const std::string&, std::uint64_t) { return make(shop); };
  const event_follower nobody;
  auto started = start_experiment(spec, shop, nobody);
  if (!started) return started.why();
  run_to_end(**started, shop, stop);
  return (*started)->finished();
}

result<std::vector<event>> replay_whole(const recording& r) {
  passing_folder folder;
  auto how = r.how;
  how.out = folder.path();
  const std::atomic<bool> never{false};
  auto ended = run_with(
      r.spec, how,
      [&](workshop& shop) -> result<std::unique_ptr<tools::model>> {
        return make_recorded_model(shop.loop, r.spec.model, r.header.value("policy", false),
                                   answers_of(r), nullptr);
      },
      never);
  if (!ended) return ended.why();
  auto again = read_recording(folder.path() / r.spec.id);
  if (!again) return again.why();
  return std::move(again->events);
}

} // namespace

result<replayed> replay(const recording& r) {
  auto events = r.real ? replay_recorded_world(r) : replay_whole(r);
  if (!events) return events.why();
  compare_how how;
  how.times = how.environment = !r.real;
  replayed out;
  out.events = std::move(*events);
  out.against = compare(r.events, out.events, how);
  return out;
}

result<tools::model_reply> reply_of_file(const std::string& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  if (auto body = parse_json(*text); body && body->is_object()) return reply_from(*body);
  tools::model_reply reply;
  if (!file.ends_with(".yml") && !file.ends_with(".yaml")) {
    reply.text = *text;
    reply.finish_reason = "stop";
    return reply;
  }
  auto arguments = json::object();
  arguments["playbook"] = *text;
  arguments["rationale"] = "edited by hand";
  reply.tool_calls.push_back({"call-1", "submit_playbook", arguments.dump()});
  reply.finish_reason = "tool_calls";
  return reply;
}

fs::path fork_folder(const fork_request& how) {
  return how.out / ("at-" + std::to_string(how.at));
}

result<forked> fork(const recording& r, const fork_request& wanted, const std::atomic<bool>& stop) {
  auto answers = answers_of(r);
  std::erase_if(answers, [&](const recorded_answer& a) { return a.seq >= wanted.at; });
  if (!wanted.reply.empty()) {
    auto edited = reply_of_file(wanted.reply);
    if (!edited) return edited.why();
    answers.push_back({wanted.at, std::move(*edited)});
  }
  auto spec = r.spec;
  if (!wanted.model.empty()) spec.model = wanted.model;
  auto how = r.how;
  how.out = fork_folder(wanted);
  auto ended = run_with(
      spec, how,
      [&](workshop& shop) -> result<std::unique_ptr<tools::model>> {
        auto live = agents::make_model(spec.model, &shop.loop, spec.seed);
        if (!live) return live.why();
        return make_recorded_model(shop.loop, r.spec.model, r.header.value("policy", false),
                                   std::move(answers), std::move(*live));
      },
      stop);
  if (!ended) return ended.why();
  auto again = read_recording(how.out / spec.id);
  if (!again) return again.why();
  compare_how side_by_side;
  side_by_side.settings = false;
  side_by_side.times = side_by_side.environment = !r.real;
  return forked{std::move(*ended), compare(r.events, again->events, side_by_side)};
}

} // namespace remed::experiments

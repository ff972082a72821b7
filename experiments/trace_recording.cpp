#include "experiments/trace_recording.hpp"

#include "runtime/paths.hpp"

#include <deque>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

/// Puts {"blob": "sha256:…"} stubs' texts in place.
result<void> fill_blobs(json& value, const fs::path& folder) {
  if (!value.is_structured()) return {};
  const auto stub = value.is_object() ? value.find("blob") : value.end();
  if (value.is_object() && value.size() == 2 && stub != value.end() && stub->is_string()) {
    const auto name = stub->get<std::string>();
    auto text = read_file(folder / "blobs" / name.substr(name.find(':') + 1));
    if (!text) return text.why().in("the recording lacks a text");
    value = std::move(*text);
    return {};
  }
  for (auto& inner : value) {
    if (auto filled = fill_blobs(inner, folder); !filled) return filled;
  }
  return {};
}

settings settings_of(const json& header) {
  settings how;
  how.tools = header.value("tools", "real") == "real" ? tool_kind::real : tool_kind::inprocess;
  how.sandbox = header.value("sandbox", "sandboxed") == "none"
                    ? tools::sandbox_spec::mode::none
                    : tools::sandbox_spec::mode::sandboxed;
  how.sight = header.value("visibility", "hidden") == "visible" ? env::visibility::visible
                                                                : env::visibility::hidden;
  how.time_scale = header.value("time_scale", how.time_scale);
  how.early_checks = header.value("early_checks", false); // logs without the word had none
  if (const auto most = header.find("limits"); most != header.end())
    how.t_max = most->value("t_max", limits{}.t_max);
  how.parallel = how.threads = 1;
  return how;
}

errc code_of(const std::string& problem_kind) {
  if (problem_kind == "refused") return errc::refused;
  if (problem_kind == "garbage") return errc::bad_input;
  return errc::failed;
}

class recorded_model final : public tools::model {
public:
  recorded_model(tools::io_loop& loop, std::string name, bool policy,
                 std::vector<recorded_answer> answers, std::unique_ptr<tools::model> then)
      : loop_(loop),
        name_(std::move(name)),
        policy_(policy),
        answers_(answers.begin(), answers.end()),
        then_(std::move(then)) {}

  std::string name() const override { return answers_.empty() && then_ ? then_->name() : name_; }
  bool is_policy() const override {
    return answers_.empty() && then_ ? then_->is_policy() : policy_;
  }

  std::shared_ptr<void> complete(tools::model_request request,
                                 std::function<void(result<tools::model_reply>)> done) override {
    if (answers_.empty() && then_) return then_->complete(std::move(request), std::move(done));
    result<tools::model_reply> reply =
        failure{errc::failed, "the recording holds no further answer of " + name_};
    if (!answers_.empty()) {
      reply = std::move(answers_.front().reply);
      answers_.pop_front();
    }
    if (policy_) {
      done(std::move(reply));
      return nullptr;
    }
    return loop_.after(std::chrono::milliseconds{0},
                       [done = std::move(done), reply = std::move(reply)] { done(reply); });
  }

private:
  tools::io_loop& loop_;
  std::string name_;
  bool policy_;
  std::deque<recorded_answer> answers_;
  std::unique_ptr<tools::model> then_;
};

} // namespace

result<recording> read_recording(const fs::path& folder) {
  recording r;
  r.folder = folder;
  auto events = read_events(folder / "events.jsonl");
  if (!events) return events.why();
  r.events = std::move(*events);
  for (auto& e : r.events) {
    if (auto filled = fill_blobs(e.body, folder); !filled) return filled.why();
  }
  if (r.events.empty() || r.events.front().type != "experiment") {
    return failure{errc::bad_input, (folder / "events.jsonl").string() +
                                        ": no experiment: it does not begin with its settings"};
  }
  try {
    r.header = r.events.front().body;
    r.spec = r.header.get<experiment_spec>();
    r.how = settings_of(r.header);
  } catch (const std::exception& e) {
    return failure{errc::bad_input, folder.string() + ": settings: " + e.what()};
  }
  r.real = r.how.tools == tool_kind::real;
  return r;
}

result<tools::model_reply> reply_from(const json& body) {
  try {
    if (body.contains("problem_kind"))
      return failure{code_of(body.at("problem_kind")), body.value("problem", "")};
    tools::model_reply reply;
    reply.text = body.value("text", "");
    for (const auto& call : body.value("tool_calls", json::array())) {
      const auto& given = call.at("arguments");
      reply.tool_calls.push_back({call.value("id", "call-1"), call.at("name"),
                                  given.is_string() ? given.get<std::string>() : given.dump()});
    }
    reply.finish_reason =
        body.value("finish_reason", reply.tool_calls.empty() ? "stop" : "tool_calls");
    const auto used = body.value("usage", json::object()).get<usage>();
    reply.usage = {used.input, used.output, used.cached, used.reasoning};
    reply.model = body.value("model", "");
    reply.rung = body.value("rung", reply.rung);
    if (body.contains("cost_usd")) reply.cost = body.at("cost_usd").get<double>();
    return reply;
  } catch (const std::exception& e) {
    return failure{errc::bad_input, std::string("a model's reply: ") + e.what()};
  }
}

std::vector<recorded_answer> answers_of(const recording& r) {
  std::vector<recorded_answer> out;
  for (const auto& e : r.events) {
    if (e.kind != "model.reply" || e.body.value("problem_kind", "") == "budget") continue;
    out.push_back({e.seq, reply_from(e.body)});
  }
  return out;
}

std::unique_ptr<tools::model> make_recorded_model(tools::io_loop& loop, std::string name,
                                                  bool policy, std::vector<recorded_answer> answers,
                                                  std::unique_ptr<tools::model> then) {
  return std::make_unique<recorded_model>(loop, std::move(name), policy, std::move(answers),
                                          std::move(then));
}

} // namespace remed::experiments

#include "experiments/results/account.hpp"

#include "agents/peer_examiner.hpp"
#include "chaos/score.hpp"
#include "runtime/paths.hpp"

#include <algorithm>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

double number(const json& body, const char* key, double otherwise = 0) {
  const auto it = body.find(key);
  return it != body.end() && it->is_number() ? it->get<double>() : otherwise;
}

std::string text(const json& body, const char* key) {
  const auto it = body.find(key);
  return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool starts(const event& e) {
  return e.kind == "model.request" || e.kind == "tool.start";
}

bool ends(const event& e) {
  return e.kind == "model.reply" || e.kind == "tool.end";
}

} // namespace

void account::take(const event& e) {
  if (ended_) return;
  if (e.kind == "note" && e.type == "experiment") begin(e.body);
  if (starts(e)) open_.push_back({e.seq, e.kind, e.type, {e.t, e.wall}});
  if (ends(e)) work_ended(e);
  if (e.kind == "model.reply") model_replied(e.body);
  if (e.kind == "msg" && e.type == "incident" && !incident_) incident_ = moment{e.t, e.wall};
  if (e.kind == "msg" && e.type == "outcome") remedy_ = moment{e.t, e.wall};
  if (e.kind == "msg" && e.type == "verdict") verdict_came(e.body);
  if (e.kind == "note" && e.type == "episode_result") end(e);
}

void account::begin(const json& header) {
  experiment_spec spec;
  try {
    spec = header.get<experiment_spec>();
  } catch (const std::exception&) {
    return; // a header of another version: the record keeps its defaults
  }
  record_ = make_record(spec, {});
  record_.outcome = outcome_kind::infra_error;
  record_.policy = header.value("policy", false);
  record_.tools = text(header, "tools");
  record_.visibility = text(header, "visibility");
  record_.verdict = header.contains("verdict") ? text(header, "verdict") : "sound";
  record_.score_version = static_cast<int>(number(header, "score_version", chaos::score_version));
  const auto limits = header.find("limits");
  if (limits != header.end()) record_.t_max = static_cast<std::uint32_t>(number(*limits, "t_max"));
}

void account::work_ended(const event& e) {
  const auto* start = e.kind == "model.reply" ? "model.request" : "tool.start";
  // What waited in virtual time is ended by its timer; then the oldest of its type is meant.
  auto mine = std::find_if(open_.begin(), open_.end(),
                           [&](const open_work& w) { return w.seq == e.cause; });
  if (mine == open_.end()) {
    mine = std::find_if(open_.begin(), open_.end(),
                        [&](const open_work& w) { return w.kind == start && w.type == e.type; });
  }
  if (mine == open_.end()) return;
  const auto t = e.t - mine->since.t, wall = e.wall - mine->since.wall;
  open_.erase(mine);
  if (e.kind == "model.reply") {
    record_.model_s += t;
    record_.model_wall_s += wall;
    return;
  }
  // Only real processes know how long they ran; the rest of the time they stood in line.
  const auto ran = number(e.body, "wall_s", wall);
  record_.tool_s += t;
  record_.tool_wall_s += ran;
  record_.line_wall_s += std::max(0.0, wall - ran);
  if (e.body.contains("cpu_s")) {
    record_.cpu_s[e.type] = number(record_.cpu_s, e.type.c_str()) + number(e.body, "cpu_s");
  }
}

void account::model_replied(const json& body) {
  ++record_.model_calls;
  const auto usage = body.find("usage");
  if (usage != body.end()) {
    record_.tokens_in += static_cast<std::int64_t>(number(*usage, "input"));
    record_.tokens_out += static_cast<std::int64_t>(number(*usage, "output"));
  }
  record_.tokens = record_.tokens_in + record_.tokens_out;
  if (body.contains("problem_kind")) return;
  const auto cost = number(body, "cost_usd", -1);
  if (cost < 0 || record_.cost_usd < 0)
    record_.cost_usd = -1;
  else
    record_.cost_usd += cost;
}

void account::verdict_came(const json& body) {
  record_.sound_verdict = text(body, "status");
  record_.peer_verdict.clear();
  record_.failing.clear();
  const auto grounds = body.find("grounds");
  if (grounds == body.end()) return;
  for (const auto& ground : *grounds) {
    const auto check = text(ground, "check");
    const bool passed = ground.value("passed", false);
    if (check == agents::sound_evidence) {
      record_.sound_verdict = text(ground, "detail");
    } else if (check == agents::peer_evidence) {
      record_.peer_verdict = passed ? "recovered" : "not_recovered";
    } else if (!passed) {
      record_.failing +=
          (record_.failing.empty() ? "" : "; ") + check + ": " + text(ground, "detail");
    }
  }
}

void account::end(const event& e) {
  episode_result result;
  try {
    result = e.body.get<episode_result>();
  } catch (const std::exception&) {
    return;
  }
  settle(record_, result);
  ended_ = true;
  if (record_.tools == "real") record_.wall_s = e.wall;
  if (result.outcome != outcome_kind::recovered || !incident_ || !remedy_) return;
  record_.ttr_s = remedy_->t - incident_->t;
  if (record_.tools == "real") record_.ttr_wall_s = remedy_->wall - incident_->wall;
}

result<account> read_account(const fs::path& events_file) {
  auto text = read_file(events_file);
  if (!text) return text.why();
  account out;
  std::string chain;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text->size() && !out.ended();) {
    const auto end = text->find('\n', at);
    if (end == std::string::npos) break; // torn: the writer died inside this line
    const auto line = std::string_view(*text).substr(at, end - at);
    ++number;
    auto parsed = read_json<event>(line);
    if (!parsed) return parsed.why().in(events_file.string() + ":" + std::to_string(number));
    chain = sha256(chain + std::string(line));
    out.take(*parsed);
    at = end + 1;
  }
  out.set_hash(chain);
  return out;
}

} // namespace remed::experiments

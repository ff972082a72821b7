#include "experiments/results/microremed.hpp"

#include "experiments/results/account.hpp"
#include "runtime/paths.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <system_error>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

/// A text, or what the blob holds that stands for it.
std::string text_of(const json& value, const fs::path& folder) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object() || !value.contains("blob")) return {};
  auto name = value.value("blob", "");
  name.erase(0, name.find(':') + 1);
  if (name.find('/') != std::string::npos) return {};
  auto text = read_file(folder / "blobs" / name);
  return text ? *text : std::string();
}

/// In the shape of a chat API: role, content, tool_calls, tool_call_id.
json chat_message(const json& logged, const std::string& role, const json& content,
                  const fs::path& folder) {
  json out = json::object();
  out["role"] = role;
  out["content"] = text_of(content, folder);
  if (logged.contains("tool_call_id")) out["tool_call_id"] = logged["tool_call_id"];
  const auto calls = logged.find("tool_calls");
  if (calls == logged.end() || calls->empty()) return out;
  out["tool_calls"] = json::array();
  for (const auto& call : *calls) {
    json one = json::object();
    one["id"] = call.value("id", "");
    one["type"] = "function";
    one["function"] = json::object();
    one["function"]["name"] = call.value("name", "");
    one["function"]["arguments"] = text_of(call.value("arguments", json("")), folder);
    out["tool_calls"].push_back(std::move(one));
  }
  return out;
}

/// Each request logs only what its conversation has new; the last reply is in no request.
json conversation_of(const std::vector<event>& events, const fs::path& folder) {
  auto out = json::array();
  const event* last_reply = nullptr;
  for (const auto& e : events) {
    if (e.kind == "model.reply" && e.body.contains("text")) last_reply = &e;
    if (e.kind != "model.request") continue;
    last_reply = nullptr;
    for (const auto& m : e.body.value("messages", json::array())) {
      out.push_back(chat_message(m, m.value("role", ""), m.value("content", json("")), folder));
    }
  }
  if (last_reply != nullptr) {
    out.push_back(chat_message(last_reply->body, "assistant", last_reply->body["text"], folder));
  }
  return out;
}

std::int64_t estimated_tokens(const json& conversation) {
  std::size_t characters = 0;
  for (const auto& message : conversation) {
    for (const unsigned char c : dump(message)) characters += (c & 0xC0) != 0x80;
  }
  return static_cast<std::int64_t>(characters / 4);
}

/// From the incident to the last verdict, as the log's clock has it.
double remediation_time(const std::vector<event>& events) {
  std::optional<double> from;
  double to = 0;
  for (const auto& e : events) {
    if (e.type == "incident" && e.kind == "msg" && !from) from = e.wall;
    if (e.type == "verdict" || e.type == "give_up" || e.type == "outcome") to = e.wall;
  }
  return from ? std::max(0.0, to - *from) : 0;
}

double wall_time_of(const fs::path& file) {
  std::error_code ec;
  const auto changed = fs::last_write_time(file, ec);
  const auto wall = std::chrono::file_clock::to_sys(changed);
  return ec ? 0 : std::chrono::duration<double>(wall.time_since_epoch()).count();
}

struct sums {
  std::int64_t injected = 0, successes = 0;
};

json ratio(double part, double whole) {
  return whole > 0 ? json(part / whole) : json();
}

} // namespace

result<json> conversation_document(const fs::path& folder) {
  const auto file = folder / "events.jsonl";
  const auto events = read_events(file);
  if (!events) return events.why();
  account sum;
  for (const auto& e : *events) sum.take(e);
  const auto& r = sum.so_far();
  json out = json::object();
  out["conversation"] = conversation_of(*events, folder);
  auto& about = out["metadata"];
  about["generated_at"] = wall_time_of(file);
  about["final_status"] = r.outcome == outcome_kind::recovered ? "success" : "failed";
  about["retries"] = r.trials;
  about["token_count"] = estimated_tokens(out["conversation"]);
  about["remediation_time"] = remediation_time(*events);
  about["experiment"] = r.id;
  about["failure_type"] = r.fault;
  about["root_cause"] = r.target;
  about["env"] = r.system;
  about["remediate_method"] = r.method;
  about["model"] = r.model;
  about["outcome"] = r.outcome;
  about["verdict"] = r.verdict;
  about["input_tokens"] = r.tokens_in;
  about["output_tokens"] = r.tokens_out;
  return out;
}

json microremed_summary(const std::vector<bench_results>& benches) {
  std::map<std::string, sums> types;
  std::int64_t total = 0, not_injected = 0, other = 0, successes = 0;
  double tries = 0, seconds = 0, won_seconds = 0, tokens = 0, won_tokens = 0;
  for (const auto& b : benches) {
    for (const auto& e : b.entries) {
      if (e.state != entry_state::finished) continue;
      ++total;
      const auto& r = e.what;
      if (!judged(r.outcome, r.detail)) {
        ++(r.outcome == outcome_kind::injection_failed ? not_injected : other);
        continue;
      }
      const auto doc = conversation_document(b.folder / r.id);
      if (!doc) continue;
      const auto& about = (*doc)["metadata"];
      const bool won = about["final_status"] == "success";
      const double took = about["remediation_time"], used = about["token_count"];
      auto& type = types[r.fault];
      ++type.injected;
      type.successes += won;
      successes += won;
      seconds += took;
      tokens += used;
      if (!won) continue;
      tries += about["retries"].get<double>();
      won_seconds += took;
      won_tokens += used;
    }
  }
  const auto n = static_cast<double>(total - not_injected - other);
  const auto won = static_cast<double>(successes);
  json out = json::object();
  out["total_experiments"] = total;
  out["injection_failures"] = not_injected;
  out["not_judged_otherwise"] = other;
  out["successful_remediations"] = successes;
  out["success_rate"] = ratio(won, n);
  out["average_attempts_per_success"] = ratio(tries, won);
  out["average_remediation_time_per_success"] = ratio(won_seconds, won);
  out["average_tokens_per_success"] = ratio(won_tokens, won);
  out["average_remediation_time"] = ratio(seconds, n);
  out["average_tokens"] = ratio(tokens, n);
  out["success_ratio_by_failure_type"] = json::object();
  for (const auto& [type, s] : types) {
    out["success_ratio_by_failure_type"][type] =
        ratio(static_cast<double>(s.successes), static_cast<double>(s.injected));
  }
  return out;
}

result<void> save_conversations(const std::vector<bench_results>& benches, const fs::path& folder) {
  std::map<std::string, int> taken;
  for (const auto& b : benches) {
    for (const auto& e : b.entries) {
      if (e.state != entry_state::finished) continue;
      auto doc = conversation_document(b.folder / e.what.id);
      if (!doc) return doc.why();
      const auto stem = e.what.target + "_" + e.what.fault + "_";
      auto second = (*doc)["metadata"]["generated_at"].get<std::int64_t>();
      // Two may end in the same second; MicroRemed ran one after the other.
      while (taken[stem + std::to_string(second)]++ > 0) ++second;
      auto written = write_file(folder / (stem + std::to_string(second) + ".json"),
                                doc->dump(2, ' ', false, json::error_handler_t::replace) + "\n");
      if (!written) return written;
    }
  }
  return write_file(folder / "summary.json", microremed_summary(benches).dump(2) + "\n");
}

} // namespace remed::experiments

#include "chaos/mesh/admission/checks.hpp"

#include "chaos/mesh/go_values.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

using check = void (*)(findings_list& out, const json& value, const std::string& field);

void duration_text(findings_list& out, const json& value, const std::string& field) {
  if (text_at(value, {}).empty()) return;
  auto parsed = parse_duration(value);
  if (!parsed) invalid(out, field, value, "parse duration field error: " + parsed.why().what);
}

/// Shares in texts. There is no check of their range: tc refuses later.
void float_text(findings_list& out, const json& value, const std::string& field) {
  if (text_at(value, {}).empty()) return;
  auto parsed = parse_float(value);
  if (!parsed) invalid(out, field, value, "parse correlation field error:" + parsed.why().what);
}

void rate_text(findings_list& out, const json& value, const std::string& field) {
  auto parsed = parse_rate(text_at(value, {}));
  if (!parsed) invalid(out, field, value, "parse rate field error:" + parsed.why().what);
}

void offset_text(findings_list& out, const json& value, const std::string& field) {
  auto parsed = parse_duration(text_at(value, {}));
  if (!parsed) invalid(out, field, value, "parse timeOffset field error:" + parsed.why().what);
}

void clock_names(findings_list& out, const json& value, const std::string& field) {
  static const std::vector<std::string> known = {
      "CLOCK_REALTIME",          "CLOCK_MONOTONIC",     "CLOCK_PROCESS_CPUTIME_ID",
      "CLOCK_THREAD_CPUTIME_ID", "CLOCK_MONOTONIC_RAW", "CLOCK_REALTIME_COARSE",
      "CLOCK_MONOTONIC_COARSE",  "CLOCK_BOOTTIME",      "CLOCK_REALTIME_ALARM",
      "CLOCK_BOOTTIME_ALARM"};
  for (const auto& one : value) {
    if (std::find(known.begin(), known.end(), one) == known.end()) {
      invalid(out, field, one, "unknown clock id " + one.get<std::string>());
    }
  }
}

void size_text(findings_list& out, const json& value, const std::string& field) {
  if (text_at(value, {}).empty()) return;
  auto bytes = parse_bytes(value, 1);
  if (!bytes) invalid(out, field, value, "incorrect bytes format: " + bytes.why().what);
}

void percentage(findings_list& out, const json& value, const std::string& field) {
  if (value < 0 || value > 100) invalid(out, field, value, "percent field should be in 0-100");
}

void http_delay(findings_list& out, const json& value, const std::string& field) {
  const auto text = text_at(value, {});
  if (!parse_duration(text)) invalid(out, field, value, "invalid duration " + text);
}

/// One field of a spec: where it stands in JSON, and by the names of Go's fields.
struct rule {
  const char* kind;
  std::vector<std::string> at;
  const char* field;
  check what;
};

const std::vector<rule>& rules() {
  static const std::vector<rule> all = {
      {"", {"duration"}, "Duration", duration_text},
      {"StressChaos", {"stressors", "memory", "size"}, "Stressors.MemoryStressor.Size", size_text},
      {"NetworkChaos", {"delay", "latency"}, "TcParameter.Delay.Latency", duration_text},
      {"NetworkChaos", {"delay", "correlation"}, "TcParameter.Delay.Correlation", float_text},
      {"NetworkChaos", {"delay", "jitter"}, "TcParameter.Delay.Jitter", duration_text},
      {"NetworkChaos", {"loss", "loss"}, "TcParameter.Loss.Loss", float_text},
      {"NetworkChaos", {"loss", "correlation"}, "TcParameter.Loss.Correlation", float_text},
      {"NetworkChaos", {"duplicate", "duplicate"}, "TcParameter.Duplicate.Duplicate", float_text},
      {"NetworkChaos",
       {"duplicate", "correlation"},
       "TcParameter.Duplicate.Correlation",
       float_text},
      {"NetworkChaos", {"corrupt", "corrupt"}, "TcParameter.Corrupt.Corrupt", float_text},
      {"NetworkChaos", {"corrupt", "correlation"}, "TcParameter.Corrupt.Correlation", float_text},
      {"NetworkChaos", {"rate", "rate"}, "TcParameter.Rate.Rate", rate_text},
      {"NetworkChaos", {"bandwidth", "rate"}, "TcParameter.Bandwidth.Rate", rate_text},
      {"NetworkChaos",
       {"delay", "reorder", "reorder"},
       "TcParameter.Delay.Reorder.Reorder",
       float_text},
      {"NetworkChaos",
       {"delay", "reorder", "correlation"},
       "TcParameter.Delay.Reorder.Correlation",
       float_text},
      {"IOChaos", {"delay"}, "Delay", duration_text},
      {"IOChaos", {"percent"}, "Percent", percentage},
      {"TimeChaos", {"timeOffset"}, "TimeOffset", offset_text},
      {"TimeChaos", {"clockIds"}, "ClockIds", clock_names},
      {"HTTPChaos", {"delay"}, "PodHttpChaosActions.Delay", http_delay},
      {"BlockChaos", {"delay", "latency"}, "Delay.Latency", duration_text},
      {"BlockChaos", {"delay", "correlation"}, "Delay.Correlation", float_text},
      {"BlockChaos", {"delay", "jitter"}, "Delay.Jitter", duration_text},
  };
  return all;
}

const json& value_at(const json& spec, const std::vector<std::string>& path) {
  const json* at = &spec;
  for (const auto& step : path) at = &at_path(*at, {step});
  return *at;
}

void check_mode(findings_list& out, const json& spec, const std::string& field) {
  const auto mode = text_at(spec, {"mode"});
  if (mode == "one" || mode == "all" || mode.empty()) return;
  const auto text = text_at(spec, {"value"});
  auto number = parse_int(text);
  if (!number) return invalid(out, field, text, "parse value field error:" + number.why().what);
  if (mode == "fixed" && *number <= 0) {
    return invalid(out, field, text, "value must be greater than 0 with mode:fixed");
  }
  if (mode != "fixed" && (*number <= 0 || *number > 100)) {
    invalid(
        out, field, text,
        "value of " + std::to_string(*number) + " is invalid, Must be (0,100] with mode:" + mode);
  }
}

/// Where the Go type of a kind keeps its mode.
std::string mode_field(const kind_info& kind) {
  switch (kind.named) {
    case records::pods:
      return kind.on_containers.empty() ? ".PodSelector.value"
                                        : ".ContainerSelector.PodSelector.value";
    case records::containers:
      return ".ContainerSelector.PodSelector.value";
    case records::volumes:
      return ".ContainerNodeVolumePathSelector.ContainerSelector.PodSelector.value";
    default:
      return {};
  }
}

auto depth(const std::string& finding) {
  const auto field = finding.substr(0, finding.find(": "));
  return std::count(field.begin(), field.end(), '.');
}

} // namespace

void invalid(findings_list& out, const std::string& field, const json& value,
             const std::string& why) {
  out.push_back(field + ": Invalid value: " + (value.is_null() ? "\"null\"" : value.dump()) + ": " +
                why);
}

findings_list check_experiment(const std::string& kind, const json& spec, const std::string& path) {
  findings_list whole, out;
  const auto* info = kind_named(kind);
  if (!info) return out;
  check_whole(whole, kind, spec, path);
  if (const auto field = mode_field(*info); !field.empty()) check_mode(out, spec, path + field);
  if (at_path(spec, {"target"}).is_object()) {
    check_mode(out, spec["target"], path + ".Target.value");
  }
  for (const auto& one : rules()) {
    if (*one.kind && one.kind != kind) continue;
    const auto& value = value_at(spec, one.at);
    if (!value.is_null()) one.what(out, value, path + "." + one.field);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return depth(a) < depth(b); });
  whole.insert(whole.end(), out.begin(), out.end());
  return whole;
}

std::string joined(const findings_list& all) {
  findings_list once;
  for (const auto& one : all) {
    if (std::find(once.begin(), once.end(), one) == once.end()) once.push_back(one);
  }
  if (once.size() == 1) return once.front();
  std::string out = "[";
  for (const auto& one : once) out += (out.size() > 1 ? ", " : "") + one;
  return out + "]";
}

} // namespace remed::chaos::mesh

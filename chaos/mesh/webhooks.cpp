#include "chaos/mesh/webhooks.hpp"

#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/kinds.hpp"

#include <cctype>
#include <string>

namespace remed::chaos::mesh {

namespace {

using errors = std::vector<std::string>;

std::string shown(const json& value) {
  return value.is_null() ? "null" : value.dump();
}

void invalid(errors& out, const std::string& field, const json& value, const std::string& why) {
  out.push_back(field + ": Invalid value: " + shown(value) + ": " + why);
}

void check_duration(errors& out, const json& spec, std::initializer_list<std::string_view> path,
                    const std::string& field) {
  const auto& value = at_path(spec, path);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return;
  auto parsed = parse_duration(value);
  if (!parsed) invalid(out, field, value, "parse duration field error: " + parsed.why().what);
}

/// Shares in texts. There is no check of their range: tc refuses later.
void check_float(errors& out, const json& spec, std::initializer_list<std::string_view> path,
                 const std::string& field) {
  const auto& value = at_path(spec, path);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return;
  auto parsed = parse_float(value);
  if (!parsed) invalid(out, field, value, "parse correlation field error:" + parsed.why().what);
}

void check_mode(errors& out, const json& spec, const std::string& field) {
  const auto mode = text_at(spec, {"mode"});
  if (mode == "one" || mode == "all" || mode.empty()) return;
  const auto& value = at_path(spec, {"value"});
  const auto text = value.is_string() ? value.get<std::string>() : std::string{};
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

void check_stress(errors& out, const json& spec) {
  check_mode(out, spec, "Spec.ContainerSelector.PodSelector.value");
  check_duration(out, spec, {"duration"}, "Spec.Duration");
  const auto& cpu = at_path(spec, {"stressors", "cpu"});
  const auto& memory = at_path(spec, {"stressors", "memory"});
  if (cpu.is_null() && memory.is_null() && text_at(spec, {"stressngStressors"}).empty()) {
    invalid(out, "Spec", spec, "missing stressors");
  }
  const auto size = text_at(memory, {"size"});
  if (size.empty()) return;
  auto bytes = parse_bytes(size, 1);
  if (!bytes) {
    invalid(out, "Spec.Stressors.MemoryStressor.Size", size,
            "incorrect bytes format: " + bytes.why().what);
  }
}

void check_network(errors& out, const json& spec) {
  check_mode(out, spec, "Spec.PodSelector.value");
  check_duration(out, spec, {"duration"}, "Spec.Duration");
  check_duration(out, spec, {"delay", "latency"}, "Spec.TcParameter.Delay.Latency");
  check_duration(out, spec, {"delay", "jitter"}, "Spec.TcParameter.Delay.Jitter");
  check_float(out, spec, {"delay", "correlation"}, "Spec.TcParameter.Delay.Correlation");
  check_float(out, spec, {"loss", "loss"}, "Spec.TcParameter.Loss.Loss");
  check_float(out, spec, {"loss", "correlation"}, "Spec.TcParameter.Loss.Correlation");
  check_float(out, spec, {"duplicate", "duplicate"}, "Spec.TcParameter.Duplicate.Duplicate");
  check_float(out, spec, {"corrupt", "corrupt"}, "Spec.TcParameter.Corrupt.Corrupt");
  const auto action = text_at(spec, {"action"}), direction = text_at(spec, {"direction"}, "to");
  const auto& outside = at_path(spec, {"externalTargets"});
  const bool externals = outside.is_array() && !outside.empty();
  const bool targets = at_path(spec, {"target"}).is_object();
  if (direction == "to") return;
  if (action == "partition") {
    if (!targets && !externals) {
      invalid(out, "Spec.Direction", direction,
              "`from` and `both` direction cannot be used when targets and external targets are "
              "both empty");
    }
    return;
  }
  if (externals) {
    invalid(out, "Spec.Direction", direction,
            "external targets cannot be used with `from` and `both` direction in netem action yet");
  }
  if (!targets) {
    invalid(out, "Spec.Direction", direction,
            "`from` and `both` direction cannot be used when targets is empty in netem action");
  }
}

void check_io(errors& out, const json& spec) {
  check_mode(out, spec, "Spec.ContainerSelector.PodSelector.value");
  check_duration(out, spec, {"duration"}, "Spec.Duration");
  check_duration(out, spec, {"delay"}, "Spec.Delay");
  const auto& percent = at_path(spec, {"percent"});
  if (percent.is_number() && (percent < 0 || percent > 100)) {
    invalid(out, "Spec.Percent", percent, "percent field should be in 0-100");
  }
  const auto& code = at_path(spec, {"errno"});
  if (text_at(spec, {"action"}) == "fault" && (!code.is_number() || code == 0)) {
    invalid(out, "Spec.Errno", code.is_number() ? code : json(0),
            "action fault: errno 0 is not supported");
  }
}

void check_pod(errors& out, const json& spec) {
  check_mode(out, spec, "Spec.ContainerSelector.PodSelector.value");
  check_duration(out, spec, {"duration"}, "Spec.Duration");
  const auto& names = at_path(spec, {"containerNames"});
  if (text_at(spec, {"action"}) == "container-kill" && (!names.is_array() || names.empty())) {
    out.push_back(
        "Spec.containerNames: Invalid value: null: the name of container is required on "
        "container-kill action: invalid value");
  }
}

/// What a real cluster would do and this one does not: said at once, not after an experiment that
/// did nothing.
void check_emulated(errors& out, const std::string& kind, const json& spec) {
  const auto action = text_at(spec, {"action"});
  auto refuse = [&](const char* field, const json& value) {
    invalid(out, field, value, "this embedded cluster does not emulate it");
  };
  if (kind == "NetworkChaos") {
    if (action != "delay" && action != "loss" && action != "netem") refuse("Spec.Action", action);
    for (const auto* part : {"duplicate", "corrupt", "rate", "bandwidth", "target"}) {
      if (!at_path(spec, {part}).is_null()) refuse("Spec", json{{part, at_path(spec, {part})}});
    }
    const auto& externals = at_path(spec, {"externalTargets"});
    if (externals.is_array() && !externals.empty()) refuse("Spec.ExternalTargets", externals);
  }
  if (kind == "IOChaos" && action != "latency") refuse("Spec.Action", action);
  if (kind == "StressChaos" && !text_at(spec, {"stressngStressors"}).empty()) {
    refuse("Spec.StressngStressors", at_path(spec, {"stressngStressors"}));
  }
}

result<void> validate(const std::string& kind, const json* before, const json& now) {
  if (before && at_path(*before, {"spec"}) != at_path(now, {"spec"})) {
    return failure{errc::refused, "Cannot update chaos spec"};
  }
  errors out;
  const auto& spec = at_path(now, {"spec"});
  if (kind == "StressChaos") check_stress(out, spec);
  if (kind == "NetworkChaos") check_network(out, spec);
  if (kind == "IOChaos") check_io(out, spec);
  if (kind == "PodChaos") check_pod(out, spec);
  if (out.empty() && !before) check_emulated(out, kind, spec);
  if (out.empty()) return {};
  std::string text = out.front();
  if (out.size() > 1) {
    text = "[" + out.front();
    for (std::size_t i = 1; i < out.size(); ++i) text += ", " + out[i];
    text += "]";
  }
  return failure{errc::refused, text};
}

result<void> set_defaults(json& now) {
  if (!now.contains("spec") || !now["spec"].is_object()) return {};
  auto& spec = now["spec"];
  const auto ns = text_at(now, {"metadata", "namespace"});
  for (auto* holder : {&spec, spec.contains("target") ? &spec["target"] : nullptr}) {
    if (!holder || !holder->is_object() || !holder->contains("selector")) continue;
    auto& selector = (*holder)["selector"];
    const auto& namespaces = at_path(selector, {"namespaces"});
    if (selector.is_object() && (!namespaces.is_array() || namespaces.empty())) {
      selector["namespaces"] = json::array({ns});
    }
  }
  const auto kind = text_at(now, {"kind"});
  if (kind == "NetworkChaos" && !spec.contains("direction")) spec["direction"] = "to";
  if (kind == "IOChaos" && !spec.contains("percent")) spec["percent"] = 100;
  return {};
}

std::string lower(const std::string& text) {
  std::string out;
  for (unsigned char c : text) out += static_cast<char>(std::tolower(c));
  return out;
}

} // namespace

std::vector<env::admission> admissions() {
  std::vector<env::admission> out;
  for (const auto& one : kinds()) {
    out.push_back({"m" + lower(one.kind) + ".kb.io", one.resource,
                   [](const env::cluster&, const json* before, json& now) -> result<void> {
                     return before ? result<void>{} : set_defaults(now);
                   }});
  }
  for (const auto& one : kinds()) {
    out.push_back({"v" + lower(one.kind) + ".kb.io", one.resource,
                   [kind = one.kind](const env::cluster&, const json* before, json& now) {
                     return validate(kind, before, now);
                   }});
  }
  return out;
}

} // namespace remed::chaos::mesh

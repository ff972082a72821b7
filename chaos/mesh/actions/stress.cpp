// StressChaos: foreign processes in the container's pid namespace and cgroup.
#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/quantity.hpp"

namespace remed::chaos::mesh {

namespace {

double node_memory(const env::cluster& c) {
  for (const auto& node : c.objects().list("nodes")) {
    auto bytes = env::parse_quantity(text_at(*node, {"status", "capacity", "memory"}));
    if (bytes) return *bytes;
  }
  return 0;
}

/// The first process of an effect, as the daemon reports it.
std::string pid_of(const env::cluster& c, const spot& at, const std::string& comm) {
  for (const auto& p : env::visible_processes(c, at.uid, at.where.container)) {
    if (p.foreign() && p.comm == comm) return std::to_string(p.pid);
  }
  return {};
}

json cpu_params(const json& cpu) {
  auto out = json::object();
  out["workers"] = cpu["workers"];
  out["load"] = cpu.value("load", 100);
  if (cpu.contains("options")) out["options"] = cpu["options"];
  return out;
}

/// How long a stressor runs by itself: as its options say ("--timeout 60s", "--time 10m").
std::optional<duration> own_end(const json& stressor,
                                std::initializer_list<std::string_view> names) {
  const auto& given = at_path(stressor, {"options"});
  if (!given.is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const auto& one : given) {
    for (auto& word : env::split(one.get<std::string>(), ' ')) words.push_back(std::move(word));
  }
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (std::find(names.begin(), names.end(), words[i]) == names.end()) continue;
    // A number without a unit is seconds.
    const bool bare = words[i + 1].find_first_not_of("0123456789") == std::string::npos;
    auto lasts = parse_duration(words[i + 1] + (bare ? "s" : ""));
    if (lasts && lasts->count() > 0) return *lasts;
  }
  return std::nullopt;
}

/// stress-ng stops by itself after a day unless it is told otherwise.
constexpr duration usual_end = std::chrono::hours{24};

class stress final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    auto at = find_spot(c, record);
    if (!at) return {not_injected, at.why().what};
    if (!text_at(cr, {"spec", "stressngStressors"}).empty()) {
      // The released version takes neither this text nor the stressors then, and fails.
      return {not_injected, "rpc error: code = Unknown desc = the stressors are empty"};
    }
    auto instance = json::object();
    const auto stamp = rfc3339(c.now());
    const auto& cpu = at_path(cr, {"spec", "stressors", "cpu"});
    const auto& memory = at_path(cr, {"spec", "stressors", "memory"});
    auto bytes = parse_bytes(text_at(memory, {"size"}, "0"), node_memory(c));
    if (!bytes) return {not_injected, bytes.why().what};
    // No worker is no stressor: nothing is started, and nothing refused.
    if (cpu.is_object() && cpu.value("workers", 0) > 0) {
      const auto id = begin_effect(c, effect_on(cr, *at, "cpu_hog", cpu_params(cpu)));
      ends_by_itself(c, id, own_end(cpu, {"-t", "--timeout"}).value_or(usual_end));
      instance["uid"] = pid_of(c, *at, "stress-ng");
      instance["startTime"] = stamp;
    }
    if (memory.is_object() && memory.value("workers", 0) > 0) {
      const auto id =
          begin_effect(c, effect_on(cr, *at, "memory_hog",
                                    json{{"workers", memory["workers"]}, {"bytes", *bytes}}));
      if (auto lasts = own_end(memory, {"--time"})) ends_by_itself(c, id, *lasts);
      instance["memoryUid"] = pid_of(c, *at, "memStress");
      instance["memoryStartTime"] = stamp;
    }
    cr["status"]["instances"][text_at(record, {"id"})] = std::move(instance);
    return {injected, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto& status = cr["status"];
    if (status.contains("instances")) status["instances"].erase(id);
    if (auto pod = c.objects().get("pods", {where.ns, where.pod})) {
      end_effects(c, source_of(*kind_named("StressChaos"), env::key_of(cr)),
                  text_at(*pod, {"metadata", "uid"}), where.container);
    }
    return {not_injected, {}};
  }
};

} // namespace

std::shared_ptr<const action> make_stress() {
  return std::make_shared<stress>();
}

} // namespace remed::chaos::mesh

#include "experiments/plan.hpp"

#include "agents/crew.hpp"
#include "agents/models.hpp"
#include "chaos/fault.hpp"
#include "chaos/scenario.hpp"
#include "runtime/config.hpp"
#include "runtime/paths.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

fs::path suites_folder() {
  return data_root() / "experiments" / "suites";
}

failure unknown(const std::string& what, const std::string& name,
                const std::vector<std::string>& known) {
  auto text = what + " \"" + name + "\" is not known";
  const auto near = nearest(name, known);
  if (!near.empty()) text += "; did you mean \"" + near + "\"?";
  return {errc::bad_input, text + " (`remed ls " + what + "s` lists them)"};
}

bool looks_like_file(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".txt");
}

result<void> check_known(const std::string& what, const std::vector<std::string>& wanted,
                         const std::vector<std::string>& known) {
  for (const auto& name : wanted) {
    if (looks_like_file(name)) continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return unknown(what, name, known);
    }
  }
  return {};
}

result<void> check(const bench_request& request) {
  for (auto checked : {check_known("system", request.systems, env::shipped_systems()),
                       check_known("method", request.methods, agents::shipped_methods()),
                       check_known("model", request.models, agents::model_names())}) {
    if (!checked) return checked;
  }
  return {};
}

/// Systems and faults, each read once.
class reader {
public:
  result<const env::system_profile*> system(const std::string& name) {
    return once(systems_, name, env::load_system);
  }
  result<const chaos::fault*> fault(const std::string& name) {
    return once(faults_, name, chaos::load_fault);
  }

private:
  template <class T, class Load>
  static result<const T*> once(std::map<std::string, T>& kept, const std::string& name, Load load) {
    if (const auto it = kept.find(name); it != kept.end()) return &it->second;
    auto loaded = load(name);
    if (!loaded) return loaded.why();
    return &(kept[name] = std::move(*loaded));
  }
  std::map<std::string, env::system_profile> systems_;
  std::map<std::string, chaos::fault> faults_;
};

/// The scenarios of one suite on one system for one seed.
result<std::vector<experiment_spec>> scenarios(const suite& s, const std::string& system,
                                               std::uint64_t seed, reader& files) {
  auto profile = files.system(system);
  if (!profile) return profile.why();
  std::vector<experiment_spec> out;
  for (std::size_t i = 0; i < s.faults.size(); ++i) {
    auto fault = files.fault(s.faults[i]);
    if (!fault) return std::move(fault).why().in("suite " + s.name);
    // A system that lists no target for a fault says that it cannot have it.
    const auto own = (*profile)->targets_by_fault.find((*fault)->id);
    if (own != (*profile)->targets_by_fault.end() && own->second.empty()) continue;
    const auto& called = (*profile)->name;
    const auto position = s.name + "/" + called + "/" + std::to_string(i);
    const auto chance = random_source{seed}.split(position).next();
    auto target = chaos::choose_target(**profile, (*fault)->id, chance);
    if (!target) return target.why();
    char number[24];
    std::snprintf(number, sizeof number, "%03zu", i + 1);
    experiment_spec spec;
    spec.id = s.name + "-" + number + "-" + called + "-" + (*fault)->id + "-" + *target;
    spec.scenario = spec.id + "-s" + std::to_string(seed);
    spec.suite = s.name;
    spec.position = static_cast<std::uint32_t>(i + 1);
    spec.system = system;
    spec.fault = s.faults[i];
    spec.target = *target;
    spec.seed = seed;
    out.push_back(std::move(spec));
  }
  return out;
}

std::string with_policy(experiment_spec spec, const std::string& method, const std::string& model) {
  return spec.id + "-" + fs::path(method).stem().string() + "-" + fs::path(model).stem().string() +
         "-s" + std::to_string(spec.seed);
}

result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc{} || end != text.data() + text.size()) {
    return failure{errc::bad_input, "\"" + std::string(text) + "\" is not a seed"};
  }
  return n;
}

result<suite> load_list(const fs::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  suite s;
  s.name = file.stem().string();
  for (std::istringstream in(*text); in;) {
    std::string line;
    std::getline(in, line);
    line.erase(0, line.find_first_not_of(" \t\r"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && line.front() != '#') s.faults.push_back(line);
  }
  if (s.faults.empty()) return failure{errc::bad_input, file.string() + ": names no fault kind"};
  return s;
}

constexpr std::string_view random_prefix = "random:";

/// Kinds drawn from those of the hard suite, which has all of the benchmark's.
result<suite> draw_suite(const std::string& name) {
  auto count = parse_number(std::string_view(name).substr(random_prefix.size()));
  if (!count || *count == 0 || *count > 100'000) {
    return failure{errc::bad_input, name + ": how many? As in random:50"};
  }
  auto all = load_suite("hard");
  if (!all) return all;
  const std::set<std::string> kinds(all->faults.begin(), all->faults.end());
  const std::vector<std::string> known(kinds.begin(), kinds.end());
  suite s;
  s.name = "random" + std::to_string(*count);
  const auto chance = random_source{0}.split("random suite");
  for (std::uint64_t i = 0; i < *count; ++i) {
    s.faults.push_back(known[chance.split(std::to_string(i)).below(known.size())]);
  }
  return s;
}

} // namespace

result<suite> load_suite(const std::string& name_or_file) {
  if (name_or_file.starts_with(random_prefix)) return draw_suite(name_or_file);
  if (name_or_file.ends_with(".txt")) return load_list(name_or_file);
  auto file = fs::path(name_or_file);
  if (!looks_like_file(name_or_file)) {
    const auto known = shipped_suites();
    if (std::find(known.begin(), known.end(), name_or_file) == known.end()) {
      return unknown("suite", name_or_file, known);
    }
    file = suites_folder() / (name_or_file + ".yaml");
  }
  auto loaded = load_yaml<suite>(file);
  if (loaded && loaded->name.empty()) loaded->name = file.stem().string();
  return loaded;
}

std::string list_of_kinds(const std::string& file) {
  std::error_code ec;
  if (fs::exists(file, ec)) return fs::path(file).has_parent_path() ? file : "./" + file;
  const auto known = shipped_suites();
  const auto stem = fs::path(file).stem().string();
  return std::find(known.begin(), known.end(), stem) != known.end() ? stem : file;
}

std::vector<std::string> shipped_suites() {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(suites_folder(), ec)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

result<std::vector<experiment_spec>> plan(const bench_request& request) {
  auto known = check(request);
  if (!known) return known.why();
  reader files;
  std::vector<experiment_spec> out;
  for (const auto& suite_name : request.suites) {
    auto s = load_suite(suite_name);
    if (!s) return s.why();
    for (const auto& system : request.systems) {
      for (const auto seed : request.seeds) {
        auto found = scenarios(*s, system, seed, files);
        if (!found) return found.why();
        for (const auto& method : request.methods) {
          for (const auto& model : request.models) {
            for (auto spec : *found) {
              spec.method = method;
              spec.model = model;
              spec.id = with_policy(spec, method, model);
              out.push_back(std::move(spec));
            }
          }
        }
      }
    }
  }
  return out;
}

result<experiment_spec> plan_one(const std::string& system, const std::string& fault_at_target,
                                 const std::string& method, const std::string& model,
                                 std::uint64_t seed) {
  auto known = check({{}, {system}, {method}, {model}, {seed}});
  if (!known) return known.why();
  const auto at = fault_at_target.find('@');
  experiment_spec spec;
  spec.suite = "run";
  spec.system = system;
  spec.fault = fault_at_target.substr(0, at);
  spec.method = method;
  spec.model = model;
  spec.seed = seed;
  reader files;
  auto profile = files.system(system);
  if (!profile) return profile.why();
  auto fault = files.fault(spec.fault);
  if (!fault) return fault.why();
  if (at == std::string::npos) {
    auto target = chaos::choose_target(**profile, (*fault)->id, seed);
    if (!target) return target.why();
    spec.target = *target;
  } else {
    spec.target = fault_at_target.substr(at + 1);
    auto fits = chaos::check_target(**profile, (*fault)->id, spec.target);
    if (!fits) return fits.why();
  }
  spec.id = (*profile)->name + "-" + (*fault)->id + "-" + spec.target;
  spec.scenario = spec.id + "-s" + std::to_string(seed);
  spec.id = with_policy(spec, method, model);
  return spec;
}

result<std::vector<std::uint64_t>> parse_seeds(const std::string& text) {
  std::vector<std::uint64_t> seeds;
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    auto from = parse_number(std::string_view(text).substr(0, dots));
    auto to = parse_number(std::string_view(text).substr(dots + 2));
    if (!from) return from.why();
    if (!to) return to.why();
    if (*from > *to || *to - *from > 100'000) {
      return failure{errc::bad_input, "\"" + text + "\" is no range of seeds, as 1..3 is one"};
    }
    for (auto s = *from; s <= *to; ++s) seeds.push_back(s);
    return seeds;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    auto seed = parse_number(std::string_view(text).substr(at, end - at));
    if (!seed) return seed.why();
    seeds.push_back(*seed);
    at = end + 1;
  }
  return seeds;
}

} // namespace remed::experiments

#include "environments/systems/profile_reader.hpp"

#include "environments/systems/runtimes.hpp"

namespace remed::env {

namespace {

service_profile::call read_call(const yaml_map& m) {
  service_profile::call out;
  out.to = m.text("to");
  out.per_request = m.number("per_request", out.per_request, 0, 1000);
  out.timeout_s = m.number("timeout_s", out.timeout_s, 0, 3600);
  out.required = m.flag("required", out.required);
  out.retries = static_cast<int>(m.number("retries", out.retries, 0, 10));
  m.refuse_unknown({"to", "per_request", "timeout_s", "required", "retries"});
  return out;
}

std::vector<service_profile::call> read_calls(const yaml_map& m) {
  std::vector<service_profile::call> out;
  for (const auto& call : m.maps("calls")) out.push_back(read_call(call));
  return out;
}

service_profile::route read_route(const yaml_map& m) {
  service_profile::route out;
  out.path = m.text("path", "");
  out.share = m.number("share", out.share, 0, 1e6);
  out.calls = read_calls(m);
  m.refuse_unknown({"path", "share", "calls"});
  return out;
}

void read_load(const yaml_map& m, system_profile& out) {
  out.load_rps = m.number("rps", out.load_rps, 0, 1e6);
  out.users = m.number("users", out.users, 0, 1e6);
  out.think_s = m.number("think_s", out.think_s, 0.01, 1e5);
  m.refuse_unknown({"rps", "users", "think_s"});
}

/// Every name that stands for a service must be one.
void check_names(const yaml_map& m, const system_profile& s) {
  std::set<std::string> known;
  for (const auto& [name, profile] : s.services) known.insert(name);
  auto need = [&](const std::string& key, const std::string& name) {
    if (known.count(name)) return;
    m.fail(key, "no service '" + name + "'" + nearest_hint(name, known));
  };
  for (const auto& name : s.entry) need("entry", name);
  for (const auto& name : s.targets) need("targets", name);
  for (const auto& [fault, names] : s.targets_by_fault) {
    for (const auto& name : names) need("targets_by_fault", name);
  }
  for (const auto& [name, profile] : s.services) {
    for (const auto& call : profile.calls) need("services", call.to);
    for (const auto& route : profile.routes) {
      for (const auto& call : route.calls) need("services", call.to);
    }
  }
}

} // namespace

std::set<std::string> figure_keys() {
  return {"cpu_ms",     "idle_millicores", "memory_mib", "start_seconds",
          "latency_ms", "spread",          "threads"};
}

void read_figures(const yaml_map& m, service_profile& out) {
  out.cpu_ms = m.number("cpu_ms", out.cpu_ms, 0, 1e6);
  out.idle_millicores = m.number("idle_millicores", out.idle_millicores, 0, 1e6);
  out.memory_mib = m.number("memory_mib", out.memory_mib, 0, 1e7);
  out.start_seconds = m.number("start_seconds", out.start_seconds, 0, 1e5);
  out.latency_ms = m.number("latency_ms", out.latency_ms, 0, 1e6);
  out.spread = m.number("spread", out.spread, 0, 3);
  out.threads = static_cast<int>(m.number("threads", out.threads, 0, 1e6));
}

void read_service(const yaml_map& m, const runtime_catalogue& runtimes, service_profile& out) {
  auto runtime = m.text("runtime", out.runtime.empty() ? runtimes.names().back() : out.runtime);
  if (!runtimes.knows(runtime)) {
    auto names = runtimes.names();
    m.fail("runtime",
           "no runtime '" + runtime + "'" + nearest_hint(runtime, {names.begin(), names.end()}));
  }
  if (runtime != out.runtime) {
    auto kept = std::move(out);
    out = runtimes.defaults(runtime);
    out.name = std::move(kept.name);
    out.service = std::move(kept.service);
    out.calls = std::move(kept.calls);
    out.routes = std::move(kept.routes);
  }
  read_figures(m, out);
  out.service = m.text("service", out.service);
  if (m.has("calls")) out.calls = read_calls(m);
  if (m.has("routes")) {
    out.routes.clear();
    for (const auto& route : m.maps("routes")) out.routes.push_back(read_route(route));
  }
  auto known = figure_keys();
  known.insert({"runtime", "service", "calls", "routes"});
  m.refuse_unknown(known);
}

void read_system_fields(const yaml_map& m, const runtime_catalogue& runtimes, system_profile& out) {
  out.context = m.text("context", out.context);
  if (auto load = m.map("load")) read_load(*load, out);
  if (auto slo = m.map("slo")) {
    out.slo_success = slo->number("success", out.slo_success, 0, 1);
    out.slo_p95_ms = slo->number("p95_ms", out.slo_p95_ms, 0, 1e6);
    slo->refuse_unknown({"success", "p95_ms"});
  }
  if (auto services = m.map("services")) {
    for (const auto& name : services->keys()) {
      auto [place, fresh] = out.services.try_emplace(name);
      if (fresh) place->second.runtime.clear();
      place->second.name = name;
      if (auto fields = services->map(name)) {
        read_service(*fields, runtimes, place->second);
      } else if (fresh) {
        place->second = runtimes.defaults("");
        place->second.name = name;
      }
    }
  }
  if (m.has("entry")) out.entry = m.texts("entry");
  if (m.has("targets")) out.targets = m.texts("targets");
  if (auto by_fault = m.map("targets_by_fault")) {
    for (const auto& fault : by_fault->keys()) {
      out.targets_by_fault[fault] = by_fault->texts(fault);
    }
  }
  m.refuse_unknown(
      {"name", "context", "entry", "targets", "load", "slo", "services", "targets_by_fault"});
  check_names(m, out);
}

} // namespace remed::env

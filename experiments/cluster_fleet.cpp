#include "experiments/cluster_fleet.hpp"

#include "chaos/mesh/rules.hpp"
#include "environments/embedded/snapshot.hpp"
#include "experiments/record.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace remed::experiments {

namespace {

constexpr std::ptrdiff_t audit_limit = 1024;

} // namespace

result<std::unique_ptr<cluster_fleet>> cluster_fleet::start(const env::cluster& booted,
                                                            const env::system_profile& system,
                                                            const fleet_options& options,
                                                            vtime start) {
  auto tls = tools::tls_identity::generate();
  if (!tls) return tls.why();
  std::unique_ptr<cluster_fleet> fleet(new cluster_fleet(*tls, options.time_scale));
  if (auto bound = fleet->front_.listen(options.port); !bound) return bound.why();
  for (unsigned i = 0; i < options.count; ++i) {
    auto place = std::make_unique<env::embedded_environment>(
        booted, system, options.seed + i, booted.now(), env::visibility::visible,
        chaos::chaos_hidden(), &fleet->loop_, options.sandbox, *tls);
    place->advance_to(std::max(start, place->now()));
    const bool alone = options.count == 1;
    auto url = place->serve_behind(fleet->front_, alone ? "" : "cluster-" + std::to_string(i + 1));
    if (!url) return url.why();
    fleet->members_.push_back(
        {alone ? "remed" : "cluster-" + std::to_string(i + 1), std::move(*url), std::move(place)});
  }
  fleet->last_ = wall::now();
  return fleet;
}

void cluster_fleet::turn(std::chrono::milliseconds limit) {
  const auto now = wall::now();
  // Under load the loop turns thousands of times a second; time may pass in larger steps.
  constexpr std::chrono::milliseconds step{1};
  if (now - last_ >= step) pass_time(now);
  if (!loop_.poll()) loop_.run_for(limit);
}

void cluster_fleet::pass_time(wall::time_point now) {
  owed_ += std::chrono::duration<double>(now - last_).count() * time_scale_;
  last_ = now;
  const auto passed = from_seconds(owed_);
  owed_ -= seconds(passed);
  for (auto& one : members_) {
    one.place->advance_to(one.place->now() + passed);
    // Nobody judges these clusters, and they may be served for weeks.
    auto& audit = one.place->state().audit();
    if (std::ssize(audit) > audit_limit) audit.erase(audit.begin(), audit.end() - audit_limit / 2);
  }
}

result<void> cluster_fleet::save(const std::filesystem::path& to) const {
  for (const auto& one : members_) {
    const auto file = members_.size() == 1 ? to : to / (one.id + ".snapshot");
    if (auto written = write_file(file, env::snapshot(one.place->state())); !written)
      return written;
  }
  return {};
}

env::kubeconfig_context cluster_fleet::context_of(const member& one,
                                                  const env::identity& who) const {
  return {one.id, one.url, who, one.place->name_space()};
}

std::string cluster_fleet::kubeconfig_of(const member& one, const env::identity& who) const {
  return env::kubeconfig_yaml({context_of(one, who)}, front_.ca_pem());
}

std::string cluster_fleet::admin_kubeconfig() const {
  std::vector<env::kubeconfig_context> all;
  for (const auto& one : members_) all.push_back(context_of(one, one.place->administrator()));
  return env::kubeconfig_yaml(all, front_.ca_pem());
}

std::string cluster_fleet::agent_kubeconfig() const {
  std::vector<env::kubeconfig_context> all;
  for (const auto& one : members_) all.push_back(context_of(one, one.place->agent()));
  return env::kubeconfig_yaml(all, front_.ca_pem());
}

} // namespace remed::experiments

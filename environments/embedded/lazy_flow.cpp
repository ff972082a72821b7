#include "environments/embedded/lazy_flow.hpp"

#include "environments/embedded/flow_graph.hpp"

#include <algorithm>

namespace remed::env {

const flow_rates& lazy_flow::rates() const {
  return rates_.or_make([&] { return flow_graph(*system_, *input_).rates(); });
}

const users_flow& lazy_flow::users() const {
  if (const auto* all = whole_.get()) return *all;
  return users_.or_make([&] { return evaluate_users(*system_, *input_, rates(), seed_); });
}

const flow_result& lazy_flow::whole() const {
  return whole_.or_make([&] { return evaluate_flow(*system_, *input_, rates(), seed_); });
}

double lazy_flow::busy_cores(const std::string& service, const std::string& pod) const {
  if (!system_) return 0;
  const auto profile = system_->services.find(service);
  const auto where = input_->find(service);
  if (profile == system_->services.end() || where == input_->end()) return 0;
  const auto& all = where->second.endpoints;
  const auto one =
      std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.pod == pod; });
  if (one == all.end() || !one->listening || one->partitioned) return 0;
  return share_of_cores(profile->second, all.size(), rates().of(service));
}

} // namespace remed::env

#include "environments/embedded/lazy_flow.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

lazy_flow::lazy_flow(std::shared_ptr<const system_profile> system,
                     std::shared_ptr<const flow_input> input, std::uint64_t seed,
                     const lazy_flow* before)
    : system_(std::move(system)), input_(std::move(input)), seed_(seed) {
  if (before && before->system_ == system_) calls_.keep(before->shared_calls());
}

const std::shared_ptr<const call_graph>& lazy_flow::shared_calls() const {
  return calls_.or_make([&] { return std::make_shared<const call_graph>(*system_); });
}

const flow_rates& lazy_flow::rates() const {
  return rates_.or_make([&] { return flow_graph(*system_, *shared_calls(), *input_).rates(); });
}

flow_graph lazy_flow::graph() const {
  return {*system_, *shared_calls(), *input_, rates()};
}

const users_flow& lazy_flow::users() const {
  if (const auto* all = whole_.get()) return *all;
  return users_.or_make([&] { return evaluate_users(graph(), seed_); });
}

const flow_result& lazy_flow::whole() const {
  return whole_.or_make([&] { return evaluate_flow(graph(), seed_); });
}

const service_flow* lazy_flow::service(const std::string& name) const {
  if (!system_) return nullptr;
  if (const auto* all = whole_.get()) {
    const auto found = all->services.find(name);
    return found == all->services.end() ? nullptr : &found->second;
  }
  const auto number = shared_calls()->number(name);
  if (number < 0) return nullptr;
  const auto& all =
      services_.or_make([&] { return std::vector<kept<service_flow>>(system_->services.size()); });
  return &all[static_cast<std::size_t>(number)].or_make(
      [&] { return evaluate_service(graph(), number, seed_); });
}

lazy_flow::share lazy_flow::share_of(const std::string& service, std::string_view pod) const {
  if (!system_) return {};
  const auto number = shared_calls()->number(service);
  const auto where = input_->find(service);
  if (number < 0 || where == input_->end()) return {};
  const auto& all = where->second.endpoints;
  const auto one =
      std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.pod == pod; });
  if (one == all.end() || !one->listening || one->partitioned) return {};
  return {number, all.size()};
}

double lazy_flow::busy_cores(const share& part) const {
  if (!system_ || part.endpoints == 0) return 0;
  const auto number = static_cast<std::size_t>(part.service);
  return share_of_cores(*shared_calls()->nodes[number].profile, part.endpoints,
                        rates().services[number].second);
}

double lazy_flow::busy_cores(const std::string& service, std::string_view pod) const {
  return busy_cores(share_of(service, pod));
}

} // namespace remed::env

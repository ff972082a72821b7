// Gathers the series a query asks for.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/prometheus/engine.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env::prometheus {

/// A rate that holds from an instant (seconds since 1970) until the next step's.
struct rate_step {
  double from = 0, rate = 0;
};

class collector {
public:
  /// Wants the series of the metric (empty: any) that the matchers accept; samples at the scrapes
  /// within [from, to].
  collector(std::string metric, const std::vector<matcher>& matchers, double from, double to,
            std::uint64_t seed);

  bool wants(const std::string& metric) const;
  /// A value that has been the same since `since`.
  void gauge(const std::string& metric, label_set labels, double since, double v);
  /// A value that changes in steps; `unrest` is the width of the scrapes' own noise.
  void steps(const std::string& metric, label_set labels, const std::vector<rate_step>& values,
             double unrest = 0);
  /// A counter that grows at the given rates.
  void counter(const std::string& metric, label_set labels, const std::vector<rate_step>& rates,
               double unrest = 0);

  std::vector<series> take() { return std::move(out_); }

private:
  bool accepts(const std::string& metric, label_set& labels) const;
  double noise(const label_set& labels, double at, double width) const;
  void keep(label_set labels, std::vector<sample> samples);

  std::string metric_;
  const std::vector<matcher>& matchers_;
  double from_, to_;
  std::uint64_t seed_;
  std::vector<series> out_;
};

/// Families of metrics; each adds what the collector wants.
void add_container_metrics(const cluster& c, collector& to);
void add_object_metrics(const cluster& c, collector& to);
void add_request_metrics(const cluster& c, collector& to);

} // namespace remed::env::prometheus

#include "environments/embedded/prometheus/collector.hpp"

#include "environments/embedded/prometheus/metrics_source.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env::prometheus {

collector::collector(std::string metric, const std::vector<matcher>& matchers, double from,
                     double to, std::uint64_t seed)
    : metric_(std::move(metric)), matchers_(matchers), from_(from), to_(to), seed_(seed) {}

bool collector::wants(const std::string& metric) const {
  if (!metric_.empty() && metric != metric_) return false;
  return std::all_of(matchers_.begin(), matchers_.end(),
                     [&](const matcher& m) { return m.label != "__name__" || m.accepts(metric); });
}

bool collector::accepts(const std::string& metric, label_set& labels) const {
  if (!wants(metric)) return false;
  labels["__name__"] = metric;
  return std::all_of(matchers_.begin(), matchers_.end(), [&](const matcher& m) {
    auto found = labels.find(m.label);
    return m.accepts(found == labels.end() ? std::string{} : found->second);
  });
}

double collector::noise(const label_set& labels, double at, double width) const {
  if (width <= 0) return 1;
  auto pod = labels.find("pod");
  auto key = pod == labels.end() ? labels.begin()->second : pod->second;
  auto chance = random_source{seed_}.split(key + labels.at("__name__"));
  chance = random_source{chance.next() + static_cast<std::uint64_t>(at)};
  return 1 + width * (chance.unit() + chance.unit() - 1);
}

void collector::keep(label_set labels, std::vector<sample> samples) {
  if (!samples.empty()) out_.push_back({std::move(labels), std::move(samples)});
}

void collector::gauge(const std::string& metric, label_set labels, double since, double v) {
  steps(metric, std::move(labels), {{since, v}});
}

void collector::steps(const std::string& metric, label_set labels,
                      const std::vector<rate_step>& values, double unrest) {
  if (values.empty() || !accepts(metric, labels)) return;
  std::vector<sample> samples;
  auto first = std::ceil(std::max(from_, values.front().from) / scrape_s) * scrape_s;
  std::size_t i = 0;
  for (auto t = first; t <= to_; t += scrape_s) {
    while (i + 1 < values.size() && values[i + 1].from <= t) ++i;
    samples.push_back({t, values[i].rate * noise(labels, t, unrest)});
  }
  keep(std::move(labels), std::move(samples));
}

void collector::counter(const std::string& metric, label_set labels,
                        const std::vector<rate_step>& rates, double unrest) {
  if (rates.empty() || !accepts(metric, labels)) return;
  std::vector<sample> samples;
  double total = 0;
  std::size_t i = 0;
  auto at = rates.front().from;
  for (auto t = std::ceil(at / scrape_s) * scrape_s; t <= to_; t += scrape_s) {
    double grown = 0;
    while (at < t) {
      while (i + 1 < rates.size() && rates[i + 1].from <= at) ++i;
      auto until = i + 1 < rates.size() ? std::min(t, rates[i + 1].from) : t;
      grown += rates[i].rate * (until - at);
      at = until;
    }
    total += grown * (grown > 0 ? noise(labels, t, unrest) : 1);
    if (t >= from_) samples.push_back({t, total});
  }
  keep(std::move(labels), std::move(samples));
}

} // namespace remed::env::prometheus

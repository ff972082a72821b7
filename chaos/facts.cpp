#include "chaos/facts.hpp"

#include "chaos/oracle.hpp"

#include <cmath>
#include <memory>
#include <utility>

namespace remed::chaos {

namespace {

constexpr double healthy_share = 0.01, faulty_share = 0.5, error_rate = 1e-3;
/// One batch decides when all goes well; an undecided test goes on up to the limit.
constexpr int batch = 12, most_transactions = 96;
constexpr int disk_writes = 20;

/// One gathering under way; lives in the callbacks that wait for it.
struct gathering : std::enable_shared_from_this<gathering> {
  env::environment* where = nullptr;
  std::string service;
  wanted what;
  std::function<void(result<facts>)> done;
  facts out;

  void network() {
    if (!what.network) return disk();
    if (!out.network) out.network.emplace();
    where->probe_network(service, batch,
                         [self = shared_from_this()](result<env::environment::transactions> r) {
                           self->on_network(std::move(r));
                         });
  }

  void on_network(result<env::environment::transactions> r) {
    auto& net = *out.network;
    if (!r) {
      net.problem = r.why().what;
      return disk();
    }
    net.test.add(r->failed, r->count);
    net.median_ms = r->median_ms;
    const bool undecided = net.test.decision() == sequential_test::answer::undecided;
    if (undecided && r->count > 0 && net.test.count() < most_transactions) return network();
    disk();
  }

  void disk() {
    if (!what.disk_path) return finish();
    out.disk.emplace();
    where->probe_disk(service, *what.disk_path, disk_writes,
                      [self = shared_from_this()](result<double> r) {
                        if (r)
                          self->out.disk->p95_ms = *r;
                        else
                          self->out.disk->problem = r.why().what;
                        self->finish();
                      });
  }

  void finish() {
    auto callback = std::move(done);
    callback(std::move(out));
  }
};

void collect(const std::vector<predicate>& checks, wanted& out) {
  for (const auto& check : checks) {
    auto kind = predicate_kinds().find(check.name);
    if (kind == predicate_kinds().end()) continue;
    if (kind->second.network) out.network = true;
    if (kind->second.disk) out.disk_path = check.with.value("path", "/");
    if (check.with.contains("of")) {
      for (const auto& inner : check.with["of"]) {
        collect({{inner.begin().key(), inner.begin().value()}}, out);
      }
    }
  }
}

} // namespace

void sequential_test::add(int failed, int count) {
  failed_ += failed;
  count_ += count;
}

sequential_test::answer sequential_test::decision() const {
  static const double bound = std::log((1 - error_rate) / error_rate);
  static const double per_failure = std::log(faulty_share / healthy_share);
  static const double per_success = std::log((1 - faulty_share) / (1 - healthy_share));
  const double ratio = failed_ * per_failure + (count_ - failed_) * per_success;
  if (ratio >= bound) return answer::faulty;
  if (ratio <= -bound) return answer::healthy;
  return answer::undecided;
}

wanted wanted_by(const std::vector<predicate>& checks) {
  wanted out;
  collect(checks, out);
  return out;
}

void gather(env::environment& where, const std::string& service, env::look at, wanted what,
            std::function<void(result<facts>)> done) {
  auto work = std::make_shared<gathering>();
  work->where = &where;
  work->service = service;
  work->what = std::move(what);
  at.metrics_of = service;
  work->done = std::move(done);
  where.observe(at, [work](result<env::observation> seen) {
    if (!seen) {
      auto callback = std::move(work->done);
      return callback(seen.why());
    }
    work->out.seen = std::move(*seen);
    work->network();
  });
}

} // namespace remed::chaos

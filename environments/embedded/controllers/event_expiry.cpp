// Events live for an hour after their last write (--event-ttl of kube-apiserver), and up to a
// minute longer.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

namespace {

constexpr std::string_view actor = "event-expiry";
constexpr duration lifetime_of_events = std::chrono::hours{1};
/// Events of one minute go together, as they share a lease in etcd.
constexpr duration lease_reuse = std::chrono::minutes{1};
/// The revision of the last event of each minute, by the number of the minute in which they go.
constexpr const char* leases = "leases";

class event_expiry final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource != "events" || seen.what == change::type::deleted) return;
    const auto minute = (c.now() + lifetime_of_events).time_since_epoch() / lease_reuse + 1;
    auto& last = c.memory(actor, leases)[std::to_string(minute)];
    if (last.is_null())
      c.schedule(vtime{minute * lease_reuse} - c.now(), actor, std::to_string(minute));
    last = seen.revision;
  }

  /// A later write of an event has prolonged its life.
  void reconcile(cluster& c, const std::string& minute) const override {
    auto& all = c.memory(actor, leases);
    if (!all.is_object() || !all.contains(minute)) return;
    const auto last = all[minute].get<std::uint64_t>();
    all.erase(minute);
    for (const auto& event : c.objects().list("events")) {
      const auto written = text_at(*event, {"metadata", "resourceVersion"}, "0");
      if (std::strtoull(written.c_str(), nullptr, 10) <= last) c.erase("events", key_of(*event));
    }
  }
};

} // namespace

std::shared_ptr<const controller> make_event_expiry() {
  return std::make_shared<event_expiry>();
}

} // namespace remed::env

// Events live for an hour after their last write (--event-ttl of kube-apiserver).
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

namespace {

constexpr std::string_view actor = "event-expiry";
constexpr duration lifetime_of_events = std::chrono::hours{1};

/// Keys are "resourceVersion|namespace/name": a later write has an expiry of its own.
class event_expiry final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource != "events" || seen.what == change::type::deleted) return;
    c.schedule(lifetime_of_events, actor, std::to_string(seen.revision) + "|" + key_text(seen.key));
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto bar = key.find('|');
    auto where = parse_key(key.substr(bar + 1));
    auto event = c.objects().get("events", where);
    if (!event) return;
    if (text_at(*event, {"metadata", "resourceVersion"}) == key.substr(0, bar))
      c.erase("events", where);
  }
};

} // namespace

std::shared_ptr<const controller> make_event_expiry() {
  return std::make_shared<event_expiry>();
}

} // namespace remed::env

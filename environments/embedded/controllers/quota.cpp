// ResourceQuota: what of it is used.
#include "environments/embedded/api/quota.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

namespace {

constexpr std::string_view actor = "resourcequota-controller";
constexpr const char* table = "resourcequotas";

class quota_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
      return;
    }
    if (seen.key.ns.empty() || seen.resource == "events" || c.objects().count(table) == 0) return;
    for (const auto& quota : c.objects().list(table, seen.key.ns)) {
      auto now = quota_usage_of(*quota, seen.resource, *seen.now);
      bool same = seen.before && seen.what == change::type::modified &&
                  quota_usage_of(*quota, seen.resource, *seen.before) == now;
      if (!now.empty() && !same) c.schedule(duration{0}, actor, key_text(key_of(*quota)));
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto quota = c.objects().get(table, parse_key(key));
    if (!quota) return;
    auto status = json::object();
    status["hard"] = at_path(*quota, {"spec", "hard"});
    status["used"] = json::object();
    for (const auto& [name, amount] : quota_usage(c, *quota)) {
      status["used"][name] = quota_text(name, amount);
    }
    if (status == at_path(*quota, {"status"})) return;
    auto now = *quota;
    now["status"] = std::move(status);
    c.put(table, std::move(now));
  }
};

} // namespace

std::shared_ptr<const controller> make_quota_controller() {
  return std::make_shared<quota_controller>();
}

} // namespace remed::env

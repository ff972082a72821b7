// Kinds that act on machines outside the cluster: there are none here, so that their experiments
// stay as on a cluster that cannot reach its cloud or its chaosd.
#include "chaos/mesh/action.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::chaos::mesh {

namespace {

/// Applying fails; there is nothing to recover.
class unreachable : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    return {not_injected, why(c, cr, record)};
  }
  progress recover(env::cluster&, json&, const json&) const override { return {not_injected, {}}; }

private:
  virtual std::string why(const env::cluster& c, const json& cr, const json& record) const = 0;
};

class machine final : public unreachable {
  std::string why(const env::cluster& c, const json& cr, const json& record) const override {
    const auto id = text_at(record, {"id"});
    auto address = id;
    if (id.rfind("http", 0) != 0) {
      const auto where = parse_id(id);
      auto found = c.objects().get("physicalmachines.chaos-mesh.org", {where.ns, where.pod});
      if (!found) return "physicalmachines.chaos-mesh.org \"" + where.pod + "\" not found";
      address = text_at(*found, {"spec", "address"});
    }
    const auto kind = text_at(cr, {"spec", "action"});
    auto host =
        address.substr(address.find("//") == std::string::npos ? 0 : address.find("//") + 2);
    return "Post \"" + address + "/api/attack/" + kind.substr(0, kind.find('-')) + "\": dial tcp " +
           host + ": connect: connection refused";
  }
};

class cloud final : public unreachable {
  std::string why(const env::cluster& c, const json& cr, const json&) const override {
    const auto secret = text_at(cr, {"spec", "secretName"});
    const auto ns = text_at(cr, {"metadata", "namespace"});
    if (!secret.empty() && !c.objects().get("secrets", {ns, secret})) {
      return "fail to get cloud secret: Secret \"" + secret + "\" not found";
    }
    const auto kind = text_at(cr, {"kind"});
    if (kind == "AWSChaos") {
      return "operation error EC2: StopInstances, https response error StatusCode: 0, RequestID: , "
             "request send failed, Post \"https://ec2." +
             text_at(cr, {"spec", "awsRegion"}) + ".amazonaws.com/\": dial tcp: i/o timeout";
    }
    if (kind == "GCPChaos") {
      return "Post \"https://oauth2.googleapis.com/token\": dial tcp: i/o timeout";
    }
    return "azure.BearerAuthorizer#WithAuthorization: Failed to refresh the Token for request to "
           "https://management.azure.com/subscriptions/" +
           text_at(cr, {"spec", "subscriptionID"}) + ": dial tcp: i/o timeout";
  }
};

} // namespace

std::shared_ptr<const action> make_machine() {
  return std::make_shared<machine>();
}

std::shared_ptr<const action> make_cloud() {
  return std::make_shared<cloud>();
}

} // namespace remed::chaos::mesh

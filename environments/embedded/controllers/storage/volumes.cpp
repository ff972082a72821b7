// PersistentVolumeClaims find or get their volumes, and keep them as long as they are used.
#include "environments/embedded/controllers/storage/volumes.hpp"

#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/scheduler/filters.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "persistentvolume-controller";
constexpr const char* classes_table = "storageclasses.storage.k8s.io";
constexpr const char* claim_guard = "kubernetes.io/pvc-protection";
constexpr const char* volume_guard = "kubernetes.io/pv-protection";
constexpr const char* provisioner = "rancher.io/local-path";
constexpr const char* provisioner_name = "rancher.io/local-path_local-path-provisioner";
constexpr const char* provisioned_by = "pv.kubernetes.io/provisioned-by";
constexpr duration provisioning = std::chrono::milliseconds{2500}; // a helper pod makes a directory

double size_of(const json& quantity) {
  if (quantity.is_number()) return quantity.get<double>();
  return quantity.is_string() ? parse_quantity(quantity.get_ref<const std::string&>()).value_or(0)
                              : 0;
}

bool offers_modes(const json& volume, const json& claim) {
  const auto& have = at_path(volume, {"spec", "accessModes"});
  for (const auto& mode : at_path(claim, {"spec", "accessModes"})) {
    if (std::find(have.begin(), have.end(), mode) == have.end()) return false;
  }
  return true;
}

bool could_have(const json& volume, const json& claim) {
  const auto& ref = at_path(volume, {"spec", "claimRef"});
  if (ref.is_object()) {
    auto uid = text_at(ref, {"uid"});
    return text_at(ref, {"name"}) == text_at(claim, {"metadata", "name"}) &&
           text_at(ref, {"namespace"}) == text_at(claim, {"metadata", "namespace"}) &&
           (uid.empty() || uid == text_at(claim, {"metadata", "uid"}));
  }
  const auto& selector = at_path(claim, {"spec", "selector"});
  return text_at(volume, {"spec", "storageClassName"}) ==
             text_at(claim, {"spec", "storageClassName"}) &&
         text_at(volume, {"spec", "volumeMode"}, "Filesystem") ==
             text_at(claim, {"spec", "volumeMode"}, "Filesystem") &&
         offers_modes(volume, claim) &&
         size_of(at_path(volume, {"spec", "capacity", "storage"})) >=
             size_of(at_path(claim, {"spec", "resources", "requests", "storage"})) &&
         (selector.is_null() || selects(selector, at_path(volume, {"metadata", "labels"})));
}

bool is_used(const cluster& c, const json& claim) {
  auto name = text_at(claim, {"metadata", "name"});
  for (const auto& pod : c.objects().list("pods", text_at(claim, {"metadata", "namespace"}))) {
    auto phase = text_at(*pod, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed") continue;
    auto names = claims_of(*pod);
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  }
  return false;
}

/// One look at one claim.
class claim_pass {
public:
  claim_pass(cluster& c, object claim, std::string key)
      : c_(c), claim_(std::move(claim)), key_(std::move(key)), id_(parse_key(key_)) {}

  void run() {
    if (is_deleting(*claim_)) {
      if (!is_used(c_, *claim_)) drop_finalizer(c_, claims_table, id_, claim_guard);
    } else if (is_bound(*claim_)) {
      check_volume();
    } else {
      find_volume();
    }
  }

private:
  void event(const char* type, const std::string& reason, const std::string& message,
             const std::string& by = std::string(actor)) {
    c_.record_event(*claim_, type, reason, message, by);
  }

  void check_volume() {
    auto name = text_at(*claim_, {"spec", "volumeName"});
    if (c_.objects().get(volumes_table, {"", name})) return;
    if (text_at(*claim_, {"status", "phase"}) == "Lost") return;
    auto now = *claim_;
    now["status"]["phase"] = "Lost";
    c_.put(claims_table, std::move(now));
    event("Warning", "ClaimLost",
          "Bound claim has lost its PersistentVolume. Any data on this volume is lost!");
  }

  void find_volume() {
    auto named = text_at(*claim_, {"spec", "volumeName"});
    auto volume =
        named.empty() ? matching_volume(c_, *claim_) : c_.objects().get(volumes_table, {"", named});
    auto class_name = text_at(*claim_, {"spec", "storageClassName"});
    auto storage = c_.objects().get(classes_table, {"", class_name});
    bool waits = storage && text_at(*storage, {"volumeBindingMode"}) == "WaitForFirstConsumer" &&
                 named.empty() &&
                 text_at(*claim_, {"metadata", "annotations", selected_node_key}).empty();
    bool reserved = volume && at_path(*volume, {"spec", "claimRef"}).is_object();
    if (volume && (!waits || reserved)) {
      if (named.empty() || could_have(*volume, *claim_)) bind(*volume);
    } else if (waits) {
      wait_for_consumer();
    } else if (class_name.empty()) {
      event("Normal", "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set");
    } else if (!storage) {
      event("Warning", "ProvisioningFailed",
            "storageclass.storage.k8s.io \"" + class_name + "\" not found");
    } else {
      provision(*storage);
    }
  }

  void wait_for_consumer() {
    for (const auto& pod : c_.objects().list("pods", id_.ns)) {
      auto names = claims_of(*pod);
      if (std::find(names.begin(), names.end(), id_.name) == names.end()) continue;
      event("Normal", "WaitForPodScheduled",
            "waiting for pod " + text_at(*pod, {"metadata", "name"}) + " to be scheduled");
      return;
    }
    event("Normal", "WaitForFirstConsumer",
          "waiting for first consumer to be created before binding");
  }

  void provision(const json& storage) {
    auto by = text_at(storage, {"provisioner"});
    auto now = *claim_;
    for (const char* key : {"volume.beta.kubernetes.io/storage-provisioner",
                            "volume.kubernetes.io/storage-provisioner"}) {
      now["metadata"]["annotations"][key] = by;
    }
    bool first = now != *claim_;
    if (first) {
      claim_ = c_.put(claims_table, std::move(now));
      event("Normal", "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner '" + by +
                "' or manually by the system administrator. If volume creation is delayed, please "
                "verify that the provisioner is running and correctly registered.");
    }
    if (by != provisioner) return;
    auto& due = c_.memory(actor, key_);
    if (due.is_null()) {
      event("Normal", "Provisioning",
            "External provisioner is provisioning volume for claim \"" + key_ + "\"",
            provisioner_name);
      due = (c_.now() + provisioning).time_since_epoch().count();
    }
    vtime at{duration{due.get<std::int64_t>()}};
    if (c_.now() < at) {
      c_.schedule(at - c_.now(), actor, key_);
      return;
    }
    c_.forget(actor, key_);
    auto volume = c_.put(volumes_table, make_volume(storage));
    event("Normal", "ProvisioningSucceeded",
          "Successfully provisioned volume " + text_at(*volume, {"metadata", "name"}),
          provisioner_name);
    bind(*volume);
  }

  json make_volume(const json& storage) {
    auto name = "pvc-" + text_at(*claim_, {"metadata", "uid"});
    auto node = text_at(*claim_, {"metadata", "annotations", selected_node_key});
    auto path = "/var/lib/rancher/k3s/storage/" + name + "_" + id_.ns + "_" + id_.name;
    auto volume = json::object();
    volume["apiVersion"] = "v1";
    volume["kind"] = "PersistentVolume";
    volume["metadata"]["name"] = name;
    volume["metadata"]["annotations"] = {{provisioned_by, provisioner},
                                         {"local.path.provisioner/selected-node", node}};
    auto& spec = volume["spec"];
    spec["accessModes"] = at_path(*claim_, {"spec", "accessModes"});
    spec["capacity"]["storage"] = at_path(*claim_, {"spec", "resources", "requests", "storage"});
    spec["hostPath"] = {{"path", path}, {"type", "DirectoryOrCreate"}};
    spec["persistentVolumeReclaimPolicy"] = text_at(storage, {"reclaimPolicy"}, "Delete");
    spec["storageClassName"] = text_at(storage, {"metadata", "name"});
    spec["volumeMode"] = text_at(*claim_, {"spec", "volumeMode"}, "Filesystem");
    if (!node.empty()) {
      auto here = json::object();
      here["key"] = "kubernetes.io/hostname";
      here["operator"] = "In";
      here["values"] = json::array({node});
      auto term = json::object();
      term["matchExpressions"] = json::array({here});
      spec["nodeAffinity"]["required"]["nodeSelectorTerms"] = json::array({term});
    }
    return prepared(c_, volumes_table, std::move(volume));
  }

  void bind(const json& volume) {
    auto bound = volume;
    auto ref = json::object();
    ref["apiVersion"] = "v1";
    ref["kind"] = "PersistentVolumeClaim";
    for (const char* field : {"name", "namespace", "uid", "resourceVersion"}) {
      ref[field] = text_at(*claim_, {"metadata", field});
    }
    bool ours = !at_path(volume, {"spec", "claimRef"}).is_object() &&
                !at_path(volume, {"metadata", "annotations"}).contains(provisioned_by);
    bound["spec"]["claimRef"] = std::move(ref);
    if (ours) bound["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = "yes";
    bound["status"]["phase"] = "Bound";
    c_.put(volumes_table, std::move(bound));
    auto now = *claim_;
    auto& notes = now["metadata"]["annotations"];
    notes["pv.kubernetes.io/bind-completed"] = "yes";
    if (text_at(now, {"spec", "volumeName"}).empty())
      notes["pv.kubernetes.io/bound-by-controller"] = "yes";
    now["spec"]["volumeName"] = text_at(volume, {"metadata", "name"});
    auto& status = now["status"];
    status["phase"] = "Bound";
    status["accessModes"] = at_path(volume, {"spec", "accessModes"});
    status["capacity"] = at_path(volume, {"spec", "capacity"});
    c_.put(claims_table, std::move(now));
  }

  cluster& c_;
  object claim_;
  std::string key_;
  object_key id_;
};

/// A volume whose claim went is released, and removed when it was made for that claim.
void look_at_volume(cluster& c, const json& volume) {
  auto key = key_of(volume);
  const auto& ref = at_path(volume, {"spec", "claimRef"});
  auto claim =
      ref.is_object() && !text_at(ref, {"uid"}).empty()
          ? c.objects().get(claims_table, {text_at(ref, {"namespace"}), text_at(ref, {"name"})})
          : nullptr;
  bool bound = claim && text_at(*claim, {"metadata", "uid"}) == text_at(ref, {"uid"});
  if (is_deleting(volume)) {
    if (!bound) drop_finalizer(c, volumes_table, key, volume_guard);
    return;
  }
  bool released = !bound && !text_at(ref, {"uid"}).empty();
  auto now = volume;
  now["status"]["phase"] = bound ? "Bound" : released ? "Released" : "Available";
  auto written = c.put(volumes_table, std::move(now));
  bool made_here = text_at(volume, {"metadata", "annotations", provisioned_by}) == provisioner;
  if (released && made_here &&
      text_at(volume, {"spec", "persistentVolumeReclaimPolicy"}) == "Delete") {
    delete_object(c, volumes_table, key);
  }
}

class volume_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == claims_table) {
      bool gone = seen.what == change::type::deleted;
      if (gone) c.forget(actor, key_text(seen.key));
      if (!gone) c.schedule(duration{0}, actor, key_text(seen.key));
      auto volume = text_at(*seen.now, {"spec", "volumeName"});
      if (gone && !volume.empty()) c.schedule(duration{0}, actor, "/" + volume);
    } else if (seen.resource == volumes_table) {
      observe_volume(c, seen);
    } else if (seen.resource == "pods") {
      auto ended = [](const json& pod) {
        auto phase = text_at(pod, {"status", "phase"});
        return phase == "Succeeded" || phase == "Failed";
      };
      bool news = !seen.before || seen.what == change::type::deleted ||
                  ended(*seen.before) != ended(*seen.now);
      if (!news) return;
      for (const auto& claim : claims_of(*seen.now)) {
        c.schedule(duration{0}, actor, seen.key.ns + "/" + claim);
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto id = parse_key(key);
    if (id.ns.empty()) {
      if (auto volume = c.objects().get(volumes_table, id)) look_at_volume(c, *volume);
    } else if (auto claim = c.objects().get(claims_table, id)) {
      claim_pass(c, claim, key).run();
    }
  }

private:
  static void observe_volume(cluster& c, const change& seen) {
    const auto& ref = at_path(*seen.now, {"spec", "claimRef"});
    if (ref.is_object()) {
      c.schedule(duration{0}, actor, text_at(ref, {"namespace"}) + "/" + text_at(ref, {"name"}));
    }
    if (seen.what == change::type::deleted) return;
    c.schedule(duration{0}, actor, "/" + seen.key.name);
    if (seen.before || ref.is_object()) return;
    for (const auto& claim : c.objects().list(claims_table)) {
      if (!is_bound(*claim)) c.schedule(duration{0}, actor, key_text(key_of(*claim)));
    }
  }
};

} // namespace

bool is_bound(const json& claim) {
  return !text_at(claim, {"spec", "volumeName"}).empty() &&
         at_path(claim, {"metadata", "annotations"}).contains("pv.kubernetes.io/bind-completed");
}

object matching_volume(const cluster& c, const json& claim) {
  object best;
  auto size = [](const object& volume) {
    return size_of(at_path(*volume, {"spec", "capacity", "storage"}));
  };
  for (const auto& volume : c.objects().list(volumes_table)) {
    if (is_deleting(*volume) || !could_have(*volume, claim)) continue;
    if (at_path(*volume, {"spec", "claimRef"}).is_object()) return volume;
    if (!best || size(volume) < size(best)) best = volume;
  }
  return best;
}

void install_storage(cluster& c) {
  if (c.objects().get(classes_table, {"", "local-path"})) return;
  auto one = json::object();
  one["apiVersion"] = "storage.k8s.io/v1";
  one["kind"] = "StorageClass";
  one["metadata"]["name"] = "local-path";
  one["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] = "true";
  one["provisioner"] = provisioner;
  one["reclaimPolicy"] = "Delete";
  one["volumeBindingMode"] = "WaitForFirstConsumer";
  c.put(classes_table, std::move(one));
}

std::shared_ptr<const controller> make_volume_controller() {
  return std::make_shared<volume_controller>();
}

} // namespace remed::env

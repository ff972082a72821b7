// Deployment: a ReplicaSet for each template it had, and the way from the old to the new one.
#include "environments/embedded/api/admission.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/deployment_status.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"
#include "environments/embedded/controllers/with_status.hpp"
#include "environments/embedded/sameness.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

constexpr std::string_view actor = "deployment-controller";
constexpr const char* hash_label = "pod-template-hash";
constexpr const char* revision_key = "deployment.kubernetes.io/revision";
constexpr const char* history_key = "deployment.kubernetes.io/revision-history";
constexpr const char* desired_key = "deployment.kubernetes.io/desired-replicas";
constexpr const char* most_key = "deployment.kubernetes.io/max-replicas";
constexpr const char* applied_key = "kubectl.kubernetes.io/last-applied-configuration";

/// The metadata of a template without what differs between equal ones: the hash label and empty
/// fields.
json comparable_metadata(const json& pod_template) {
  auto meta = at_path(pod_template, {"metadata"});
  if (!meta.is_object()) return json::object();
  meta.erase("creationTimestamp");
  if (meta.contains("labels")) meta["labels"].erase(hash_label);
  for (const char* field : {"labels", "annotations"}) {
    if (meta.contains(field) && meta[field].empty()) meta.erase(field);
  }
  return meta;
}

const json& object_in(const json& from, const char* name) {
  static const json none = json::object();
  const auto& found = at_path(from, {name});
  return found.is_null() ? none : found;
}

/// Compared in each pass with each ReplicaSet: nothing is copied.
bool same_template(const json& a, const json& b) {
  const auto &left = object_in(a, "metadata"), &right = object_in(b, "metadata");
  return same_but(left, right, {"creationTimestamp", "labels", "annotations"}) &&
         same_but(object_in(left, "labels"), object_in(right, "labels"), {hash_label}) &&
         object_in(left, "annotations") == object_in(right, "annotations") &&
         at_path(a, {"spec"}) == at_path(b, {"spec"});
}

std::int64_t replicas_of(const object& rs) {
  return int_at(*rs, {"spec", "replicas"}, 1);
}

std::int64_t available_of(const object& rs) {
  return int_at(*rs, {"status", "availableReplicas"});
}

std::int64_t total_of(const std::vector<object>& sets) {
  std::int64_t n = 0;
  for (const auto& rs : sets) n += replicas_of(rs);
  return n;
}

std::int64_t revision_of(const json& obj) {
  auto text = text_at(obj, {"metadata", "annotations", revision_key}, "0");
  return std::strtoll(text.c_str(), nullptr, 10);
}

bool has_note(const json& obj, const char* key, std::int64_t value) {
  const auto& note = at_path(obj, {"metadata", "annotations", key});
  return note.is_string() && note.get_ref<const std::string&>() == std::to_string(value);
}

bool older(const object& a, const object& b) {
  auto ta = text_at(*a, {"metadata", "creationTimestamp"});
  auto tb = text_at(*b, {"metadata", "creationTimestamp"});
  return ta != tb ? ta < tb : revision_of(*a) < revision_of(*b);
}

/// One pass over one Deployment.
class rollout {
public:
  rollout(cluster& c, object deployment) : c_(c), d_(std::move(deployment)) { look(); }

  void run(const std::string& key) {
    if (is_deleting(*d_)) {
      write_status(key);
      return;
    }
    if (at_path(*d_, {"spec", "paused"}) == true) {
      note_pause(true);
      scale_all();
    } else {
      note_pause(false);
      if (scaling())
        scale_all();
      else if (text_at(*d_, {"spec", "strategy", "type"}) == "Recreate")
        recreate();
      else
        roll();
    }
    clean_up();
    write_status(key);
  }

private:
  std::int64_t wanted() const { return int_at(*d_, {"spec", "replicas"}, 1); }
  std::int64_t most() const { return wanted() + (wanted() > 0 ? bounds_of(*d_).surge : 0); }

  void look() {
    all_ = claim(c_, "replicasets.apps", *d_, at_path(*d_, {"spec", "selector"}));
    std::stable_sort(all_.begin(), all_.end(), older);
    current_.reset();
    old_.clear();
    const auto& like = at_path(*d_, {"spec", "template"});
    for (const auto& rs : all_) {
      if (!current_ && same_template(at_path(*rs, {"spec", "template"}), like))
        current_ = rs;
      else
        old_.push_back(rs);
    }
  }

  void event(const std::string& reason, const std::string& message) {
    c_.record_event(*d_, "Normal", reason, message, std::string(actor));
  }

  void write(json now) { d_ = c_.put("deployments.apps", std::move(now)); }

  void note_pause(bool paused) {
    auto reason = text_at(condition_of(*d_, "Progressing"), {"reason"});
    if (at_path(*d_, {"spec", "progressDeadlineSeconds"}).is_null()) return;
    if (paused == (reason == "DeploymentPaused") || reason == "ProgressDeadlineExceeded") return;
    if (!paused && reason != "DeploymentPaused") return;
    auto now = *d_;
    set_deployment_condition(now["status"], "Progressing", "Unknown",
                             paused ? "DeploymentPaused" : "DeploymentResumed",
                             paused ? "Deployment is paused" : "Deployment is resumed", c_.now());
    write(std::move(now));
  }

  /// The number of replicas was changed since the ReplicaSets were last sized.
  bool scaling() const {
    return std::any_of(all_.begin(), all_.end(), [&](const auto& rs) {
      auto noted = text_at(*rs, {"metadata", "annotations", desired_key});
      return replicas_of(rs) > 0 && !noted.empty() && noted != std::to_string(wanted());
    });
  }

  void scale(const object& rs, std::int64_t to) {
    auto from = replicas_of(rs);
    // Asked in each pass, and mostly for nothing: looked at before it is copied.
    if (from == to && has_note(*rs, desired_key, wanted()) && has_note(*rs, most_key, most()))
      return;
    auto now = *rs;
    auto& notes = now["metadata"]["annotations"];
    notes[desired_key] = std::to_string(wanted());
    notes[most_key] = std::to_string(most());
    if (from != to) {
      now["spec"]["replicas"] = to;
      now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}, 1) + 1;
    }
    auto name = text_at(now, {"metadata", "name"});
    c_.put("replicasets.apps", std::move(now));
    if (from != to) {
      event("ScalingReplicaSet", std::string("Scaled ") + (to > from ? "up" : "down") +
                                     " replica set " + name + " from " + std::to_string(from) +
                                     " to " + std::to_string(to));
    }
    look();
  }

  bool is_saturated(const object& rs) const {
    return rs && replicas_of(rs) == wanted() && available_of(rs) == wanted() &&
           text_at(*rs, {"metadata", "annotations", desired_key}) == std::to_string(wanted());
  }

  /// Scaling without a rollout: the only active ReplicaSet gets all, several share in proportion.
  void scale_all() {
    std::vector<object> active;
    for (const auto& rs : all_) {
      if (replicas_of(rs) > 0) active.push_back(rs);
    }
    if (active.empty()) {
      if (current_)
        scale(current_, wanted());
      else if (!all_.empty())
        scale(all_.back(), wanted());
    } else if (active.size() == 1) {
      scale(active.front(), wanted());
    } else if (is_saturated(current_)) {
      for (const auto& rs : std::vector<object>(old_)) {
        if (replicas_of(rs) > 0) scale(rs, 0);
      }
    } else if (text_at(*d_, {"spec", "strategy", "type"}) != "Recreate") {
      share(active);
    }
  }

  /// In proportion to what each had, largest first; it also takes what rounding leaves
  /// (DeploymentController.scale).
  void share(std::vector<object> active) {
    auto add = most() - total_of(active);
    // Of equals the newer grows first, the older shrinks first.
    if (add > 0) std::reverse(active.begin(), active.end());
    std::stable_sort(active.begin(), active.end(),
                     [](const auto& a, const auto& b) { return replicas_of(a) > replicas_of(b); });
    std::vector<std::int64_t> sizes;
    std::int64_t added = 0;
    for (const auto& rs : active) {
      auto part = add == added ? 0 : proportion(rs);
      part = add > 0 ? std::min(part, add - added) : std::max(part, add - added);
      added += part;
      sizes.push_back(replicas_of(rs) + part);
    }
    sizes[0] = std::max<std::int64_t>(0, sizes[0] + add - added);
    for (std::size_t i = 0; i < active.size(); ++i) scale(active[i], sizes[i]);
  }

  std::int64_t proportion(const object& rs) const {
    auto size = replicas_of(rs);
    if (wanted() == 0) return -size;
    auto noted = text_at(*rs, {"metadata", "annotations", most_key}, "0");
    auto before = std::strtoll(noted.c_str(), nullptr, 10);
    if (before == 0) before = int_at(*d_, {"status", "replicas"});
    if (before == 0) return 0;
    auto exact = static_cast<double>(size * most()) / static_cast<double>(before);
    return std::llround(exact) - size;
  }

  /// The ReplicaSet's annotations: its own, and the Deployment's but for what belongs to one of
  /// them.
  json notes_for(const json& before, std::int64_t revision) const {
    auto notes = before.is_object() ? before : json::object();
    for (const auto& [key, value] : at_path(*d_, {"metadata", "annotations"}).items()) {
      if (key != revision_key && key != history_key && key != desired_key && key != most_key &&
          key != applied_key) {
        notes[key] = value;
      }
    }
    auto last = text_at(before, {revision_key});
    notes[revision_key] = std::to_string(revision);
    notes[desired_key] = std::to_string(wanted());
    notes[most_key] = std::to_string(most());
    if (!last.empty() && last != notes[revision_key]) {
      auto earlier = text_at(before, {history_key});
      notes[history_key] = earlier + (earlier.empty() ? "" : ",") + last;
    }
    return notes;
  }

  /// The ReplicaSet of the present template exists and has the highest revision.
  void have_current() {
    std::int64_t highest = 0;
    for (const auto& rs : old_) highest = std::max(highest, revision_of(*rs));
    if (current_) {
      auto revision = std::max(revision_of(*current_), highest + 1);
      const auto& known = at_path(*current_, {"metadata", "annotations"});
      auto notes = notes_for(known, revision);
      auto least = int_at(*d_, {"spec", "minReadySeconds"});
      const bool same_least = least == int_at(*current_, {"spec", "minReadySeconds"});
      if (!same_least || notes != known) {
        auto now = *current_;
        now["metadata"]["annotations"] = std::move(notes);
        if (!same_least) {
          now["spec"]["minReadySeconds"] = least;
          now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}, 1) + 1;
        }
        c_.put("replicasets.apps", std::move(now));
        look();
      }
      note_revision(revision, "FoundNewReplicaSet", "Found new replica set ");
      return;
    }
    create(highest + 1);
  }

  void note_revision(std::int64_t revision, const std::string& reason, const std::string& words) {
    bool judged = !condition_of(*d_, "Progressing").is_null();
    bool fresh = reason == "NewReplicaSetCreated";
    const bool judges =
        (fresh || !judged) && !at_path(*d_, {"spec", "progressDeadlineSeconds"}).is_null();
    if (!judges && has_note(*d_, revision_key, revision)) return;
    auto now = *d_;
    now["metadata"]["annotations"][revision_key] = std::to_string(revision);
    if (judges) {
      set_deployment_condition(now["status"], "Progressing", "True", reason,
                               words + "\"" + text_at(*current_, {"metadata", "name"}) + "\"",
                               c_.now(), fresh);
    }
    if (now != *d_) write(std::move(now));
  }

  void create(std::int64_t revision) {
    auto like = at_path(*d_, {"spec", "template"});
    auto hash = template_hash(like);
    auto rs = json::object();
    rs["apiVersion"] = "apps/v1";
    rs["kind"] = "ReplicaSet";
    auto& meta = rs["metadata"];
    meta["name"] = text_at(*d_, {"metadata", "name"}) + "-" + hash;
    meta["namespace"] = text_at(*d_, {"metadata", "namespace"});
    meta["generation"] = 1;
    meta["annotations"] = notes_for(nullptr, revision);
    meta["ownerReferences"] = json::array({owner_reference(*d_)});
    like["metadata"]["labels"][hash_label] = hash;
    like["metadata"].erase("creationTimestamp");
    meta["labels"] = like["metadata"]["labels"];
    auto& spec = rs["spec"];
    spec["selector"] = at_path(*d_, {"spec", "selector"});
    spec["selector"]["matchLabels"][hash_label] = hash;
    if (auto least = int_at(*d_, {"spec", "minReadySeconds"})) spec["minReadySeconds"] = least;
    auto size = first_size();
    spec["replicas"] = size;
    spec["template"] = std::move(like);
    rs["status"]["replicas"] = 0;
    auto name = text_at(rs, {"metadata", "name"});
    if (auto allowed = admit(c_, "replicasets.apps", rs); !allowed) {
      refused(name, "replicasets.apps \"" + name + "\" is forbidden: " + allowed.why().what);
      return;
    }
    c_.put("replicasets.apps", std::move(rs));
    look();
    if (size > 0) {
      event("ScalingReplicaSet",
            "Scaled up replica set " + name + " from 0 to " + std::to_string(size));
    }
    note_revision(revision, "NewReplicaSetCreated", "Created new replica set ");
  }

  void refused(const std::string& name, const std::string& why) {
    auto text = "Failed to create new replica set \"" + name + "\": " + why;
    c_.record_event(*d_, "Warning", "ReplicaSetCreateError", text, std::string(actor));
    retry_later(c_, actor, key_text(key_of(*d_)));
    if (at_path(*d_, {"spec", "progressDeadlineSeconds"}).is_null()) return;
    auto now = *d_;
    set_deployment_condition(now["status"], "Progressing", "False", "ReplicaSetCreateError", text,
                             c_.now());
    write(std::move(now));
  }

  std::string template_hash(const json& like) {
    auto prefix = text_at(*d_, {"metadata", "name"}) + "-";
    auto ns = text_at(*d_, {"metadata", "namespace"});
    auto text = comparable_metadata(like).dump() + at_path(like, {"spec"}).dump();
    for (auto n = int_at(*d_, {"status", "collisionCount"});; ++n) {
      auto hash = short_hash(n ? text + std::to_string(n) : text);
      if (c_.objects().get("replicasets.apps", {ns, prefix + hash})) continue;
      if (n != int_at(*d_, {"status", "collisionCount"})) {
        auto now = *d_;
        now["status"]["collisionCount"] = n;
        write(std::move(now));
      }
      return hash;
    }
  }

  std::int64_t first_size() const {
    if (text_at(*d_, {"spec", "strategy", "type"}) == "Recreate") return wanted();
    return std::clamp<std::int64_t>(most() - total_of(old_), 0, wanted());
  }

  void recreate() {
    bool any = false;
    for (auto rs : std::vector<object>(old_)) {
      if (replicas_of(rs) > 0) scale(rs, 0);
    }
    for (const auto& rs : old_) {
      for (const auto& pod : owned(c_, "pods", *rs)) {
        auto phase = text_at(*pod, {"status", "phase"});
        any = any || (phase != "Failed" && phase != "Succeeded");
      }
    }
    if (any) return;
    have_current();
    if (current_) scale(current_, wanted());
  }

  void roll() {
    have_current();
    if (!current_) return;
    grow();
    shrink_old();
  }

  void grow() {
    auto size = replicas_of(current_);
    if (size > wanted()) {
      scale(current_, wanted());
    } else if (size < wanted()) {
      auto room = most() - total_of(all_);
      scale(current_, size + std::clamp<std::int64_t>(room, 0, wanted() - size));
    } else {
      scale(current_, size); // its notes
    }
  }

  void shrink_old() {
    auto least = wanted() - bounds_of(*d_).unavailable;
    auto missing = replicas_of(current_) - available_of(current_);
    auto budget = total_of(all_) - least - missing;
    if (budget <= 0) return;
    // First what is not available anyway, then what can be spared.
    for (auto rs : std::vector<object>(old_)) {
      auto n = std::min(budget, replicas_of(rs) - available_of(rs));
      if (n <= 0) continue;
      budget -= n;
      scale(rs, replicas_of(rs) - n);
    }
    std::int64_t available = 0;
    for (const auto& rs : all_) available += std::min(available_of(rs), replicas_of(rs));
    auto spare = available - least;
    for (auto rs : std::vector<object>(old_)) {
      auto n = std::min(spare, replicas_of(rs));
      if (n <= 0) continue;
      spare -= n;
      scale(rs, replicas_of(rs) - n);
    }
  }

  /// Old ReplicaSets beyond the history limit go, oldest first, once the rollout is complete.
  void clean_up() {
    if (!current_ || at_path(*d_, {"spec", "paused"}) == true) return;
    if (available_of(current_) != wanted() || total_of(old_) > 0) return;
    auto keep = int_at(*d_, {"spec", "revisionHistoryLimit"}, 10);
    auto idle = old_;
    std::erase_if(idle, [](const auto& rs) {
      return int_at(*rs, {"status", "replicas"}) != 0 || is_deleting(*rs);
    });
    std::stable_sort(idle.begin(), idle.end(), [](const auto& a, const auto& b) {
      return revision_of(*a) < revision_of(*b);
    });
    auto surplus = static_cast<std::int64_t>(idle.size()) - keep;
    for (std::int64_t i = 0; i < surplus; ++i) {
      delete_object(c_, "replicasets.apps", key_of(*idle[static_cast<std::size_t>(i)]));
    }
    if (surplus > 0) look();
  }

  void write_status(const std::string& key) {
    std::optional<vtime> recheck;
    auto status = deployment_status(c_, *d_, current_, all_, recheck);
    if (recheck && *recheck > c_.now()) c_.schedule(*recheck - c_.now(), actor, key);
    if (status == at_path(*d_, {"status"})) return;
    write(with_status(*d_, std::move(status)));
  }

  cluster& c_;
  object d_;
  std::vector<object> all_, old_;
  object current_;
};

class deployment_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "deployments.apps") {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "replicasets.apps") {
      notify_owners(c, seen, actor, "Deployment", "deployments.apps");
    } else if (seen.resource == "pods" && seen.what == change::type::deleted) {
      // Recreate waits for the last pod to be gone.
      const auto& owner = controller_of(*seen.now);
      auto rs = c.objects().get("replicasets.apps", {seen.key.ns, text_at(owner, {"name"})});
      if (rs)
        c.schedule(duration{0}, actor, seen.key.ns + "/" + text_at(controller_of(*rs), {"name"}));
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto d = c.objects().get("deployments.apps", parse_key(key));
    if (d) rollout(c, d).run(key);
  }
};

} // namespace

std::shared_ptr<const controller> make_deployment_controller() {
  return std::make_shared<deployment_controller>();
}

} // namespace remed::env

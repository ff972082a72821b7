#include "chaos/surgery.hpp"

#include "chaos/api_path.hpp"
#include "chaos/oracle.hpp"
#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"

#include <utility>

namespace remed::chaos {

namespace {

constexpr auto as_json = "application/json";
constexpr auto as_merge = "application/merge-patch+json";
constexpr auto as_strategic = "application/strategic-merge-patch+json";

failure refusal(const std::string& what, int status, const json& answer) {
  auto text = answer.is_object() ? answer.value("message", "") : std::string{};
  return {status == 0 ? errc::unreachable : errc::failed,
          what + ": " + std::to_string(status) + (text.empty() ? "" : " " + text)};
}

bool good(int status) {
  return status >= 200 && status < 300;
}

/// The object without what the server owns.
json bare(json object) {
  object.erase("status");
  for (const auto* field : {"uid", "resourceVersion", "creationTimestamp", "generation",
                            "managedFields", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    object["metadata"].erase(field);
  }
  return object;
}

std::set<std::string> uids_of(const std::vector<env::object>& pods) {
  std::set<std::string> out;
  for (const auto& pod : pods) out.insert((*pod)["metadata"].value("uid", ""));
  return out;
}

} // namespace

surgery::surgery(env::environment& where, setting about, std::string name)
    : where_(&where),
      about_(std::move(about)),
      name_(std::move(name)),
      words_(words_of(about_, name_)) {}

std::shared_ptr<surgery> surgery::elsewhere(env::environment& copy) const {
  auto out = std::make_shared<surgery>(*this);
  out->where_ = &copy;
  return out;
}

void surgery::send(std::string method, std::string path, json body, std::string type,
                   std::function<void(int, json)> answered) {
  tools::http_request request;
  request.method = std::move(method);
  request.path = request.target = std::move(path);
  if (!body.is_null()) {
    request.body = body.dump();
    request.headers.set("Content-Type", std::move(type));
  }
  request.headers.set("Accept", as_json);
  where_->request(std::move(request), [answered = std::move(answered)](tools::http_response r) {
    auto parsed = parse_json(r.body);
    answered(r.status, parsed ? std::move(*parsed) : json());
  });
}

void surgery::run(std::shared_ptr<const calls> all, std::size_t from, done callback) {
  if (from >= all->size()) return callback({});
  const auto& next = (*all)[from];
  send(next.verb, next.path, next.body, next.type,
       [self = shared_from_this(), all, from, callback](int status, json answer) {
         const auto& sent = (*all)[from];
         const bool gone = status == 404 && sent.verb == "DELETE";
         if (!good(status) && !gone && !sent.lenient)
           return callback(refusal(sent.doing, status, answer));
         if (good(status) && !sent.makes.empty()) self->made_.push_back(sent.makes);
         self->run(all, from + 1, callback);
       });
}

// -- making it

words surgery::words_in(std::size_t generation) const {
  auto out = words_;
  if (generation > 1) out["name"] = name_ + "-" + std::to_string(generation);
  return out;
}

surgery::call surgery::to_call(const inject_step& step) const {
  const auto known = words_in(generations_);
  call out;
  if (step.what == inject_step::kind::create) {
    out.body = filled(step.body, known);
    const auto table = table_of(out.body);
    const auto ns = out.body["metadata"].value("namespace", about_.ns);
    out.makes = table + "/" + ns + "/" + out.body["metadata"].value("name", "");
    out.verb = "POST";
    out.path = api_path(table, ns);
    out.type = as_json;
    out.doing = "creating " + out.makes;
    return out;
  }
  out.path = api_path(step.resource, about_.ns, filled(step.name, known));
  const bool patches = step.what == inject_step::kind::patch;
  out.verb = patches ? "PATCH" : "DELETE";
  out.doing = (patches ? "patching " : "deleting ") + out.path;
  out.type = as_strategic;
  if (patches) out.body = filled(step.body, known);
  out.makes = (patches ? "patch of " : "deletion of ") + out.path;
  return out;
}

surgery::calls surgery::creations() const {
  calls out;
  for (const auto& step : about_.what.inject) {
    if (step.what == inject_step::kind::create) out.push_back(to_call(step));
  }
  return out;
}

void surgery::inject(done callback) {
  env::look how;
  how.metrics_of = about_.where.target; // those of all pods are dear, and nobody reads them
  where_->observe(how, [self = shared_from_this(), callback](result<env::observation> seen) {
    if (!seen) return callback(seen.why());
    const auto pods = view_of(*seen, self->about_.where.target).pods;
    if (!pods.empty()) self->words_["pod"] = (*pods.front())["metadata"].value("name", "");
    self->armed_pods_ = uids_of(pods);
    self->armed_at_ = seen->now;
    self->remember(0, [self, callback](result<void>) {
      auto all = std::make_shared<calls>();
      for (const auto& step : self->about_.what.inject) {
        if (step.what != inject_step::kind::load) {
          all->push_back(self->to_call(step));
          continue;
        }
        auto set = self->load(step.of_capacity);
        if (!set) return callback(set.why());
      }
      for (const auto& step : self->about_.what.noise) all->push_back(self->to_call(step));
      self->run(all, 0, callback);
    });
  });
}

result<void> surgery::load(double of_capacity) {
  const auto usual = about_.usual.find("cpu");
  if (usual == about_.usual.end() || usual->second <= 0)
    return failure{errc::failed, "it is not known how busy " + about_.where.target + " usually is"};
  auto set = where_->set_load(of_capacity / usual->second);
  if (set) made_.push_back("load");
  return set;
}

/// What is to be restored at the end is read before anything is changed.
void surgery::remember(std::size_t index, done callback) {
  const auto& all = about_.what.inverse;
  while (index < all.size() && all[index].what != undo_step::kind::restore) ++index;
  if (index >= all.size()) return callback({});
  const auto path = api_path(all[index].resource, about_.ns, filled(all[index].name, words_));
  send("GET", path, {}, {},
       [self = shared_from_this(), path, index, callback](int status, json before) {
         if (good(status)) self->originals_.try_emplace(path, std::move(before));
         self->remember(index + 1, callback);
       });
}

bool surgery::armed(const facts& now) const {
  const auto pods = view_of(now.seen, about_.where.target).pods;
  if (!now.seen.effects) return uids_of(pods) == armed_pods_;
  for (const auto& e : *now.seen.effects) {
    if (e.source.ends_with("/" + words_in(generations_).at("name"))) return true;
  }
  return false;
}

void surgery::rearm(const facts& now, done callback) {
  if (!about_.what.rearm) return callback({});
  const auto& cause = about_.what.cause;
  const bool there =
      cause.empty() ? patches_in_place(now, about_) : evaluate(cause, now, about_).hold();
  if (!there) {
    const bool known = std::exchange(ended_, true);
    if (known) return callback({});
    return run(std::make_shared<calls>(removals(1, generations_ + 1)), 0, std::move(callback));
  }
  if (!std::exchange(ended_, false) && armed(now)) return callback({});
  if (now.seen.now - armed_at_ < rearm_interval) return callback({}); // it may be on its way
  armed_at_ = now.seen.now;
  auto all = std::make_shared<calls>(removals(generations_, generations_ + 1));
  ++generations_;
  for (auto& one : creations()) all->push_back(std::move(one));
  armed_pods_ = uids_of(view_of(now.seen, about_.where.target).pods);
  run(all, 0, std::move(callback));
}

// -- undoing it

surgery::calls surgery::removals(std::size_t first, std::size_t end) const {
  calls out;
  for (const auto& step : about_.what.inverse) {
    if (step.what != undo_step::kind::remove) continue;
    for (auto generation = first; generation < end; ++generation) {
      call one;
      one.verb = "DELETE";
      one.path = api_path(step.resource, about_.ns, filled(step.name, words_in(generation)));
      one.doing = "deleting " + one.path;
      out.push_back(std::move(one));
    }
  }
  return out;
}

void surgery::undo(done callback) {
  auto all = std::make_shared<calls>(removals(1, generations_ + 1));
  for (const auto& step : about_.what.noise) {
    auto made = to_call(step);
    const auto name = made.body["metadata"].value("name", "");
    all->push_back({"DELETE", made.path + "/" + name, {}, {}, "deleting " + made.makes, true, {}});
  }
  for (const auto& step : about_.what.inverse) {
    if (step.what == undo_step::kind::load) {
      auto set = where_->set_load(1);
      if (!set) return callback(set.why());
    }
    if (step.what != undo_step::kind::patch) continue;
    const auto path = api_path(step.resource, about_.ns, filled(step.name, words_));
    all->push_back(
        {"PATCH", path, as_strategic, filled(step.body, words_), "patching " + path, true, {}});
  }
  run(all, 0, [self = shared_from_this(), callback](result<void> removed) {
    if (!removed) return callback(removed);
    self->restore_from(0, callback);
  });
}

void surgery::restore_from(std::size_t index, done callback) {
  const auto& all = about_.what.inverse;
  while (index < all.size() && all[index].what != undo_step::kind::restore) ++index;
  if (index >= all.size()) return callback({});
  const auto& step = all[index];
  const auto path = api_path(step.resource, about_.ns, filled(step.name, words_));
  auto known = originals_.find(path);
  if (known == originals_.end()) return restore_from(index + 1, std::move(callback));
  auto next = [self = shared_from_this(), path, index, callback](int status, json answer) {
    if (!good(status)) return callback(refusal("restoring " + path, status, answer));
    self->restore_from(index + 1, callback);
  };
  send("GET", path, {}, {},
       [self = shared_from_this(), path, next, callback, original = known->second,
        table = step.resource](int status, json now) {
         if (status == 404) { // somebody deleted it
           return self->send("POST", api_path(table, self->about_.ns), bare(original), as_json,
                             next);
         }
         if (!good(status)) return callback(refusal("reading " + path, status, now));
         now["spec"] = original["spec"];
         self->send("PUT", path, std::move(now), as_json, next);
       });
}

void surgery::force(done callback) {
  auto all = std::make_shared<calls>(removals(1, generations_ + 1));
  for (auto& one : *all) {
    one.verb = "PATCH";
    one.type = as_merge;
    one.lenient = true;
    one.body["metadata"]["annotations"]["chaos-mesh.chaos-mesh.org/cleanFinalizer"] = "forced";
  }
  run(all, 0, [callback](result<void>) { callback({}); });
}

std::string surgery::remains(const env::observation& seen) const {
  for (std::size_t generation = 1; generation <= generations_; ++generation) {
    const auto known = words_in(generation);
    if (seen.effects) {
      for (const auto& e : *seen.effects) {
        if (e.source.ends_with("/" + known.at("name"))) return "effect " + e.kind + " on " + e.pod;
      }
    }
    for (const auto& step : about_.what.inverse) {
      if (step.what != undo_step::kind::remove) continue;
      const auto name = filled(step.name, known);
      for (const auto& object : seen.objects.of(step.resource)) {
        if (name_of(object) == name) return step.resource + "/" + name;
      }
    }
  }
  facts f;
  f.seen.objects = seen.objects;
  if (patches_in_place(f, about_)) return "the patch is still in place";
  return {};
}

} // namespace remed::chaos

// Assembles the world of one experiment and keeps it until its end.

#include "agents/crew.hpp"
#include "agents/inprocess_doors.hpp"
#include "agents/judge_examiner.hpp"
#include "agents/peer_examiner.hpp"
#include "agents/sandboxed_doors.hpp"
#include "chaos/injector.hpp"
#include "chaos/mesh/rules.hpp"
#include "experiments/bench.hpp"
#include "experiments/results/account.hpp"
#include "experiments/shelf.hpp"
#include "experiments/workshop_tools.hpp"
#include "runtime/supervisor.hpp"
#include "tools/kubectl.hpp"

#include <optional>

namespace remed::experiments {

namespace {

using wall_clock = std::chrono::steady_clock;

/// The scenario's own chance: equal for every method and model that faces it.
std::uint64_t scenario_seed(const experiment_spec& spec) {
  return random_source{spec.seed}.split(spec.scenario).next();
}

/// What is read from files before a world is made.
struct parts {
  std::shared_ptr<const workshop::booted> booted;
  chaos::fault fault;
  agents::method method;
  chaos::verification_plan verification;
  std::unique_ptr<tools::model> model;
  std::optional<event_log> log;
};

result<parts> gather(const experiment_spec& spec, workshop& shop) {
  parts p;
  auto booted = shop.system(spec.system);
  if (!booted) return booted.why();
  p.booted = *booted;
  auto fault = shop.shelf->faults.get(spec.fault, chaos::load_fault);
  if (!fault) return fault.why();
  p.fault = std::move(*fault);
  auto method = shop.shelf->methods.get(spec.method, agents::load_method);
  if (!method) return method.why();
  p.method = std::move(*method);
  if (shop.how.t_max) p.method.limits.t_max = *shop.how.t_max;
  auto verification = shop.shelf->verifications.get({}, chaos::load_verification_plan);
  if (!verification) return verification.why();
  p.verification = *verification;
  if (shop.how.wait_interval_s > 0) p.verification.poll = from_seconds(shop.how.wait_interval_s);
  auto model = shop.make_model(spec.model, scenario_seed(spec));
  if (!model) return model.why();
  p.model = std::move(*model);
  if (shop.how.out.empty()) {
    p.log.emplace(event_log::line_sink{});
    return p;
  }
  auto log = event_log::open(shop.how.out / spec.id);
  if (!log) return log.why();
  p.log.emplace(std::move(*log));
  return p;
}

class episode final : public running {
public:
  episode(experiment_spec spec, workshop& shop, parts p, const event_follower& follow)
      : spec_(std::move(spec)),
        shop_(&shop),
        parts_(std::move(p)),
        start_(parts_.booted->cluster->now()),
        began_(wall_clock::now()),
        place_(*parts_.booted->cluster, parts_.booted->system, scenario_seed(spec_), start_,
               shop.how.sight, chaos::chaos_hidden(), loop(), shop.how.sandbox),
        budget_(parts_.method.limits, shop.how.money),
        world_(options(), take_log(follow)) {}

  ~episode() override { world_.end(); }

  result<void> begin() {
    world_.on_advance([this](vtime t) { place_.advance_to(t); });
    world_.on_next([this] { return place_.next_event(); });
    world_.log().add_secret(place_.agent().token);
    world_.log().add_secret(place_.administrator().token);
    world_.note("note", "experiment", header());
    open_doors();
    auto wired = wire();
    if (!wired) return wired;
    world_.tell(boss_, trial{world_.here(), {}});
    return {};
  }

  bool step() override {
    if (ended_) return false;
    return world_.step() || watch_bounds();
  }

  bool over() const override { return ended_.has_value(); }

  void cancel(const std::string& reason) override {
    world_.tell(boss_, remed::cancel{world_.here(), reason});
  }

  record finished() const override { return record_; }
  world& inside() override { return world_; }

private:
  tools::io_loop* loop() const {
    return shop_->how.tools == tool_kind::real ? &shop_->loop : nullptr;
  }

  world_options options() const {
    world_options o;
    o.experiment = spec_.id;
    o.seed = scenario_seed(spec_);
    o.stepped = shop_->how.tools == tool_kind::inprocess;
    o.tool_scale = shop_->how.time_scale;
    o.mailbox = static_cast<std::size_t>(parts_.method.limits.mailbox);
    o.start = start_;
    return o;
  }

  event_log take_log(const event_follower& follow) {
    auto log = std::move(*parts_.log);
    log.on_event([this, &follow](const event& e) {
      account_.take(e);
      if (follow) follow(spec_, e);
    });
    return log;
  }

  json header() const {
    auto about = json(spec_);
    about["policy"] = parts_.model->is_policy();
    about["limits"] = parts_.method.limits;
    about["tools"] = shop_->how.tools == tool_kind::real ? "real" : "inprocess";
    about["sandbox"] = shop_->how.sandbox == tools::sandbox_spec::mode::none ? "none" : "sandboxed";
    about["visibility"] = shop_->how.sight == env::visibility::visible ? "visible" : "hidden";
    about["verdict"] = to_string(shop_->how.verdict);
    about["time_scale"] = shop_->how.time_scale;
    about["early_checks"] = shop_->how.early_checks;
    about["score_version"] = chaos::score_version;
    return about;
  }

  void open_doors() {
    if (shop_->how.tools == tool_kind::inprocess) {
      place_.state().forget_changes(); // its tools never watch
      agents::inprocess_needs n;
      n.where = &world_;
      n.mind = parts_.model.get();
      n.spent = &budget_;
      n.api = [this](const tools::http_request& request) { return place_.api().handle(request); };
      n.token = place_.agent().token;
      n.revision = [this] { return place_.state().objects().revision(); };
      n.early_checks = shop_->how.early_checks;
      doors_ = std::make_unique<agents::inprocess_doors>(std::move(n));
      return;
    }
    agents::sandboxed_needs n;
    n.where = &world_;
    n.loop = &shop_->loop;
    n.mind = parts_.model.get();
    n.ansible = shop_->tools->ansible.get();
    n.slots = &shop_->tools->slots;
    n.spent = &budget_;
    n.kubeconfig =
        place_.agent_kubeconfig("https://127.0.0.1:" + std::to_string(tools::sandbox_api_port));
    n.serve = [this](int fd) { return place_.serve_listener(fd); };
    n.sandbox = shop_->how.sandbox;
    n.kubectl = tools::direct_kubectl(parts_.booted->cluster->options().version);
    n.most = shop_->how.most;
    n.early_checks = shop_->how.early_checks;
    doors_ = std::make_unique<agents::sandboxed_doors>(std::move(n));
  }

  result<void> wire() {
    const chaos::scenario scenario{spec_.system, parts_.fault.id, spec_.target, spec_.seed};
    auto judge =
        std::make_shared<chaos::judge>(parts_.fault, scenario, place_, parts_.booted->system);
    auto bounds = supervisor::over(world_, budget_, parts_.method.limits);
    bounds.injector = [this] { return injector_; };
    bounds.done = [this](const episode_result& r) { finish(r); };
    boss_ = world_.spawn<supervisor>(std::move(bounds));
    world_.on_role_failed([this](const role_failed& f) { world_.tell(boss_, f); });
    agents::crew_needs crew_needs;
    crew_needs.supervisor = boss_;
    crew_needs.outside = doors_.get();
    if (shop_->how.verdict == verdict_kind::microremed)
      crew_needs.judge = std::make_shared<agents::peer_examiner>(judge, parts_.verification);
    else
      crew_needs.judge = std::make_shared<agents::judge_examiner>(judge, parts_.verification);
    auto crew = agents::start_crew(agents::ground(world_), parts_.method, crew_needs);
    if (!crew) return crew.why();
    chaos::injector::needs n;
    n.where = &place_;
    n.what = parts_.fault;
    n.place = scenario;
    n.system = parts_.booted->system;
    if (const auto limit = shop_->how.injection_timeout_s; limit > 0) {
      n.symptom_limit = from_seconds(limit);
    }
    if (const auto pause = shop_->how.wait_interval_s; pause > 0)
      n.later_look = from_seconds(pause);
    n.coordinator = [entry = crew->entry] { return entry; };
    n.supervisor = [this] { return boss_; };
    n.note = [this](std::string type, json body) {
      world_.note("fault", std::move(type), std::move(body), "injector");
    };
    n.at_health = [judge](const auto& usual) { judge->know_usual(usual); };
    n.at_incident = [judge](const env::observation& seen) {
      if (!judge->begun()) judge->begin(seen);
    };
    injector_ = world_.spawn<chaos::injector>(std::move(n));
    return {};
  }

  /// Nothing runs: is there still something to wait for, and time left to do so? True when that
  /// gave it something to do.
  bool watch_bounds() {
    const auto wall = std::chrono::duration<double>(wall_clock::now() - began_).count();
    if (!late_ && wall > parts_.method.limits.wall_s) {
      late_ = true;
      world_.tell(boss_, limit_reached{world_.here(), "wall", true});
      return true;
    }
    if (world_.outside_work() > 0) return false;
    if (world_.step()) return true;
    if (ended_) return false;
    episode_result stuck;
    stuck.at = world_.here();
    stuck.outcome = outcome_kind::infra_error;
    stuck.detail = "runtime: nobody has anything left to do";
    finish(stuck);
    return false;
  }

  void finish(const episode_result& r) {
    if (ended_) return;
    world_.note("note", "episode_result", json(r), "supervisor");
    ended_ = r;
    account_.set_hash(world_.log().hash());
    record_ = account_.so_far();
    if (shop_->how.out.empty()) return;
    // What is called finished has its whole log.
    world_.log().flush();
    if (auto lost = world_.log().problem(); !lost.empty())
      record_.detail += (record_.detail.empty() ? "" : "; ") + lost;
    const auto file = shop_->how.out / spec_.id / "result.json";
    auto written = write_file(file, json(record_).dump(2) + "\n");
    if (!written) record_.detail += (record_.detail.empty() ? "" : "; ") + written.why().what;
  }

  experiment_spec spec_;
  workshop* shop_;
  parts parts_;
  vtime start_;
  wall_clock::time_point began_;
  env::embedded_environment place_;
  budget budget_;
  account account_;
  world world_;
  std::unique_ptr<agents::doors> doors_;
  supervisor::handle boss_;
  chaos::injector::handle injector_;
  std::optional<episode_result> ended_;
  record record_;
  bool late_ = false;
};

} // namespace

result<std::unique_ptr<running>> start_experiment(const experiment_spec& spec, workshop& shop,
                                                  const event_follower& follow) {
  auto p = gather(spec, shop);
  if (!p) return p.why();
  auto made = std::make_unique<episode>(spec, shop, std::move(*p), follow);
  auto begun = made->begin();
  if (!begun) return begun.why();
  return std::unique_ptr<running>(std::move(made));
}

} // namespace remed::experiments

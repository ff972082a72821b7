#include "agents/registry.hpp"

#include "agents/execution.hpp"
#include "agents/probe.hpp"
#include "agents/verification.hpp"

namespace remed::agents {

namespace {

template <class Role>
role_row row(std::function<typename Role::needs(const seat&)> give) {
  return {Role::name, std::string(struct_name(static_cast<const typename Role::eats*>(nullptr))),
          std::string(struct_name(static_cast<const typename Role::emits*>(nullptr))),
          [give = std::move(give)](ground& g, const seat& s) { return g.start<Role>(give(s)); }};
}

template <class Station>
Station as(const caf::actor& who) {
  return caf::actor_cast<Station>(who);
}

} // namespace

const std::vector<role_row>& registry() {
  static const std::vector<role_row> rows{
      row<coordinator>([](const seat& s) {
        return coordinator::needs{as<station<playbook>>(s.next),
                                  as<station<probe_request>>(s.adviser), s.supervisor, s.outside,
                                  s.mind};
      }),
      row<probe>([](const seat& s) { return probe::needs{s.outside}; }),
      row<execution>([](const seat& s) {
        return execution::needs{as<station<outcome>>(s.next), s.supervisor, s.outside};
      }),
      row<verification>([](const seat& s) {
        return verification::needs{s.supervisor, s.judge};
      }),
  };
  return rows;
}

const role_row* find_role(const std::string& name) {
  for (const auto& candidate : registry()) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

} // namespace remed::agents

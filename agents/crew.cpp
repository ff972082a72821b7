#include "agents/crew.hpp"

namespace remed::agents {

result<crew> start_crew(ground where, const method& m, const crew_needs& given) {
  if (auto fits = check_ring(m); !fits) return fits.why();
  auto mind = read_mind(m);
  if (!mind) return mind.why();
  mind->seed = given.seed;
  seat at{{}, {}, given.supervisor, given.outside, given.judge, std::move(*mind)};
  for (const auto& name : m.advisers) at.adviser = find_role(name)->start(where, at);
  at.next = caf::actor_cast<caf::actor>(given.supervisor);
  const auto ring = full_ring(m);
  for (auto name = ring.rbegin(); name != ring.rend(); ++name) {
    at.next = find_role(*name)->start(where, at);
  }
  return crew{caf::actor_cast<station<incident>>(at.next)};
}

} // namespace remed::agents

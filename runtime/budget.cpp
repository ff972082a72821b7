#include "runtime/budget.hpp"

namespace remed {

bool budget::take_probe() {
  if (probes_left() <= 0) return false;
  ++trial_probes_;
  ++spent_.probes;
  return true;
}

std::optional<std::string> budget::model_forbidden() const {
  if (spent_.model_calls >= most_.model_calls) return "model_calls";
  if (spent_.tokens.input + spent_.tokens.output >= most_.tokens) return "tokens";
  if (known_cost_ >= most_.cost_usd) return "cost";
  return std::nullopt;
}

void budget::took_model(const usage& tokens, double cost_usd) {
  ++spent_.model_calls;
  if (shared_) shared_->spend(cost_usd);
  spent_.tokens.input += tokens.input;
  spent_.tokens.output += tokens.output;
  spent_.tokens.cached += tokens.cached;
  spent_.tokens.reasoning += tokens.reasoning;
  if (cost_usd < 0) {
    spent_.cost_usd = -1;
  } else {
    known_cost_ += cost_usd;
    if (spent_.cost_usd >= 0) spent_.cost_usd = known_cost_;
  }
}

} // namespace remed

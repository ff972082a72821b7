#include "environments/embedded/api/cell_draft.hpp"

#include "environments/embedded/api/text.hpp"

namespace remed::env {

json ages::since(vtime t, std::string before, std::string after) {
  all_.push_back({t, std::move(before), std::move(after)});
  // No object holds binary values: nothing else looks like a place.
  return json::binary(json::binary_t::container_type{}, all_.size() - 1);
}

json ages::since(const json& stamp) {
  auto t = stamp.is_string() ? parse_time(stamp.get_ref<const std::string&>()) : std::nullopt;
  return t ? since(*t) : json("<unknown>");
}

cell_draft::cell_draft(json cells, ages open) : cells_(std::move(cells)) {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (!cells_[i].is_binary()) continue;
    const auto place = cells_[i].get_binary().subtype();
    cells_[i] = nullptr;
    open_.emplace_back(i, std::move(open.all_[place]));
  }
}

json cell_draft::at(vtime now) const {
  auto out = cells_;
  for (const auto& [cell, age] : open_)
    out[cell] = age.before + human_duration(now - age.since) + age.after;
  return out;
}

void cell_draft::append_texts(vtime now, std::vector<std::string>& out) const {
  const auto first = out.size();
  env::append_texts(cells_, out);
  for (const auto& [cell, age] : open_)
    out[first + cell] = age.before + human_duration(now - age.since) + age.after;
}

void append_texts(const json& cells, std::vector<std::string>& out) {
  for (const auto& cell : cells) {
    const auto* text = cell.get_ptr<const std::string*>();
    out.push_back(text ? *text : cell.dump());
  }
}

} // namespace remed::env

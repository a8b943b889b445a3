#include "phases/backfill/harvest.hpp"

#include <algorithm>

namespace pgphase {

Harvest::Next Harvest::next(bool rows_are_waited_for) const {
  if (at_ < rows_.size()) return Next::set;
  if (!asked_) return Next::gather;
  // Of a full harvest there may be more; but where none could be set, the next one would be the same.
  if (full_ && set_ > 0) return Next::gather;
  return held_ > 0 && rows_are_waited_for ? Next::wait : Next::through;
}

std::vector<std::string> Harvest::first(std::int64_t most) const {
  const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(at_);
  const auto count = std::min(most, static_cast<std::int64_t>(rows_.size() - at_));
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

void Harvest::gathered(std::vector<std::string> addresses) {
  rows_ = std::move(addresses);
  at_ = 0;
  asked_ = true;
  full_ = rows_.size() >= static_cast<std::size_t>(k_most);
  set_ = held_ = 0;
}

void Harvest::tried(std::size_t rows, std::int64_t set, std::int64_t held) {
  at_ = std::min(at_ + rows, rows_.size());
  set_ += set;
  held_ += held;
}

void Harvest::waited() {
  *this = {};
}

}  // namespace pgphase

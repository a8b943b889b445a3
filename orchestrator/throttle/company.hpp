// Whether somebody else is at work on the server, from a look a second: whoever has it to himself is not slowed by a
// millisecond, and beside others a backfill begins slowly. Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <deque>

namespace pgphase {

class Company {
 public:
  void saw(bool somebody) {
    looks_.push_back(somebody);
    if (looks_.size() > k_looks) looks_.pop_front();
  }

  // Before the first look: nobody knows, so yes.
  bool any() const {
    std::size_t seen = 0;
    for (const bool somebody : looks_) seen += somebody ? 1 : 0;
    return looks_.empty() || seen >= (looks_.size() < k_looks ? 1 : k_of_those);
  }

  static constexpr std::size_t k_looks = 5;
  static constexpr std::size_t k_of_those = 2;  // one is somebody who looks around, or a monitor

 private:
  std::deque<bool> looks_;
};

}  // namespace pgphase

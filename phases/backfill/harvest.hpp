// The rows of one leaf that an index finds, as addresses that wait to be set: so many at once that the index is not
// asked for each batch anew, and no more, so that memory stays flat. Decisions only, but for gather(). One object a
// worker.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "phases/backfill/batch_sql.hpp"

namespace pgphase {

class Harvest {
 public:
  static constexpr int k_most = 20'000;  // addresses: some 2 MB

  enum class Next {
    set,      // some of those that are here
    gather,   // ask the index
    wait,     // for rows that somebody holds, then ask again
    through,  // nothing is left here for this pass
  };
  // `rows_are_waited_for`: a sweep does not leave rows behind that are locked.
  Next next(bool rows_are_waited_for) const;

  std::vector<std::string> first(std::int64_t most) const;

  void gathered(std::vector<std::string> addresses);
  void tried(std::size_t rows, std::int64_t set, std::int64_t held);  // the first `rows` of them
  std::vector<std::string> all() const { return rows_; }
  void waited();
  std::int64_t held() const { return held_; }

 private:
  std::vector<std::string> rows_;
  std::size_t at_ = 0;
  bool asked_ = false, full_ = false;
  std::int64_t set_ = 0, held_ = 0;  // of what was gathered last
};

}  // namespace pgphase

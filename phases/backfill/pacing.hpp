// How many heap pages one batch takes, so that it lasts about as long as it should. Pure: no clock, no database.
//
// Shrinks at once when a batch lasted five times too long, because that is how long an application may have waited for
// a row; otherwise moves by at most half down and half up a batch, because one fast batch (rows already done, pages
// cached) says little about the next.
#pragma once

#include <chrono>
#include <cstdint>

namespace pgphase {

class Pacing {
 public:
  using Duration = std::chrono::duration<double, std::milli>;

  explicit Pacing(Duration target, std::int64_t start = k_start_pages) : target_(target), pages_(start) {}

  std::int64_t pages() const { return pages_; }

  // A batch over `pages` was committed after `elapsed`.
  void took(std::int64_t pages, Duration elapsed);

  // A batch ran into its statement timeout: nothing is known but that it was far too long.
  void timed_out();

  // The first batch is small: nobody knows yet what a page costs.
  static constexpr std::int64_t k_start_pages = 16;
  // 64 MiB with the usual block size: reached only where hardly a row is still to be done.
  static constexpr std::int64_t k_most_pages = 8192;

 private:
  Duration target_;
  std::int64_t pages_;
};

}  // namespace pgphase

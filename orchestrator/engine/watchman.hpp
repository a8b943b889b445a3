// Has the database watched while a backfill is at work, and has the verdict at hand. Nobody is called for a small
// table, which is done before the signals could tell anything. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "orchestrator/engine/run_context.hpp"
#include "orchestrator/throttle/watch.hpp"

namespace pgphase {

class Watchman {
 public:
  Watchman(RunContext& run, std::function<std::vector<int>()> own_pids);
  ~Watchman();

  // Call it again and again: with other limits the watch begins anew.
  void watch(const ThrottleLimits& limits, std::int64_t table, std::int64_t pages);

  Verdict verdict();  // full speed while nobody watches

  boost::asio::awaitable<void> leave();  // to be awaited before the object goes

  static constexpr std::int64_t k_small = 1024;  // pages

 private:
  struct Post;
  void dismiss();

  RunContext& run_;
  std::function<std::vector<int>()> own_pids_;
  std::shared_ptr<Post> post_;
  std::vector<std::shared_ptr<Post>> dismissed_;
};

}  // namespace pgphase

#include "orchestrator/engine/watchman.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "orchestrator/engine/timers.hpp"

namespace pgphase {

namespace asio = boost::asio;

struct Watchman::Post {
  explicit Post(WatchOptions options) : limits(options.limits), watch(std::move(options)) {}
  ThrottleLimits limits;
  Watch watch;
  bool gone = false;
};

namespace {

bool same(const ThrottleLimits& a, const ThrottleLimits& b) {
  return a.limits == b.limits && a.probe == b.probe;
}

bool any_on(const ThrottleLimits& limits) {
  return std::any_of(limits.limits.begin(), limits.limits.end(), [](const SignalLimit& limit) { return limit.on; });
}

}  // namespace

Watchman::Watchman(RunContext& run, std::function<std::vector<int>()> own_pids)
    : run_(run), own_pids_(std::move(own_pids)) {}
Watchman::~Watchman() = default;

void Watchman::dismiss() {
  if (!post_) return;
  post_->watch.stop();
  dismissed_.push_back(std::move(post_));
  post_ = nullptr;
}

void Watchman::watch(const ThrottleLimits& limits, std::int64_t table, std::int64_t pages) {
  if (pages < k_small || !any_on(limits)) {
    dismiss();
    return;
  }
  if (post_ && same(post_->limits, limits)) return;
  dismiss();
  WatchOptions options;
  options.connector = run_.connector;
  options.limits = limits;
  options.own_pids = own_pids_;
  options.tables = [table] { return table == 0 ? std::vector<std::int64_t>() : std::vector<std::int64_t>{table}; };
  options.warn = [&reporter = run_.reporter](const std::string& line) { reporter.warn(line); };
  post_ = std::make_shared<Post>(std::move(options));
  asio::co_spawn(run_.io, post_->watch.run(), [post = post_](std::exception_ptr) { post->gone = true; });
}

Verdict Watchman::verdict() {
  return post_ ? post_->watch.verdict() : Verdict();
}

asio::awaitable<void> Watchman::leave() {
  dismiss();
  const auto gone = [](const std::shared_ptr<Post>& post) { return post->gone; };
  while (!std::all_of(dismissed_.begin(), dismissed_.end(), gone)) co_await sleep_for(std::chrono::milliseconds(2));
  dismissed_.clear();
}

}  // namespace pgphase

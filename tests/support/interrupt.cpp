#include "tests/support/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <thread>

namespace pgphase::testing {
namespace {

std::atomic<int> g_signal{0};

void remember(int signal) {
  g_signal = signal;
}

}  // namespace

void watch_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, remember);
}

void check_interrupted() {
  if (const int signal = g_signal; signal != 0) throw Interrupted{signal};
}

void nap(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    check_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace pgphase::testing

// Ctrl-C and its kin end the demo or a bench by an exception on the main thread, so that everything it started is
// stopped by the destructors that stop it at a regular end, too. What SIGKILL leaves is ended by the children's death
// signals.
#pragma once

#include <chrono>

namespace pgphase::testing {

struct Interrupted {
  int signal = 0;
};

void watch_signals();

// Main thread only. Throws Interrupted once a signal has come.
void check_interrupted();
void nap(std::chrono::milliseconds time);

}  // namespace pgphase::testing

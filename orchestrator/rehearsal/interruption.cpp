#include "orchestrator/rehearsal/interruption.hpp"

#include <csignal>

namespace pgphase {

// Asio gives every set that listens the signal, and takes the process's handler away with the last of them.
Interruption::Interruption() : signals_(io_, SIGINT, SIGTERM) {
  signals_.async_wait([this](const boost::system::error_code& gone, int) { asked_ = !gone; });
}

bool Interruption::asked() {
  io_.poll();
  return asked_;
}

}  // namespace pgphase

// SIGINT and SIGTERM for as long as a rehearsal lasts: between two runs too, when no run listens, they must not end the
// process before its branch is removed. One at a time; one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace pgphase {

class Interruption {
 public:
  Interruption();

  bool asked();  // somebody has sent one

 private:
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  bool asked_ = false;
};

}  // namespace pgphase

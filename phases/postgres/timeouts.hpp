// Session-level timeouts for statements that cannot run in a transaction and take as long as they take. Restores the
// session's own on destruction. Same threading as the Session.
#pragma once

#include "phases/postgres/session.hpp"

namespace pgphase {

class UnhurriedTimeouts {
 public:
  // Long deadline for the statement, no lock timeout of its own.
  explicit UnhurriedTimeouts(Session& session);
  ~UnhurriedTimeouts();
  UnhurriedTimeouts(const UnhurriedTimeouts&) = delete;
  UnhurriedTimeouts& operator=(const UnhurriedTimeouts&) = delete;

 private:
  Session& session_;
};

}  // namespace pgphase

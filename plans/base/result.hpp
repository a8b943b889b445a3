// Result<T> and Error: how every room reports what went wrong.
//
// Return a Result where a caller branches on the outcome. Throw only `SessionLost` (phases/postgres) and bugs; both
// are caught at a phase's boundary and in main. Values only, safe to use from any thread.
#pragma once

#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace pgphase {

// What kind of thing went wrong. orchestrator/cli/exit_code.hpp maps each to one exit code.
enum class Errc {
  usage,          // the command line or the settings
  plan_rejected,  // a plan that cannot be read, ordered or split
  refused,        // not in this state
  lock_budget,    // lock attempts used up; the step at hand has done nothing
  verify_failed,  // a verify query, or a check of our own, was not true
  step_failed,    // PostgreSQL refused a step's statement
  unreachable,    // no connection could be made, or it was lost for good
  session_lost,   // the connection went away; nothing was in doubt
  in_doubt,       // the connection went away during COMMIT: the ledger knows, this process does not
  lease_held,     // another orchestrator works on this database
  lease_lost,     // somebody else took the lease over: this run may write nothing more
  cancelled,      // we cancelled the statement ourselves (pause --now, second signal)
  sql,            // any other error from PostgreSQL; see sqlstate
  bug,            // an invariant of ours does not hold
};

struct Error {
  Errc code = Errc::bug;
  std::string message;    // one sentence: what happened and where
  std::string next;       // what was left behind and what to do next; may be empty
  std::string sqlstate;   // five characters, or empty
  std::string statement;  // the SQL at fault, or empty; never holds a secret
  std::string detail;     // PostgreSQL's DETAIL, or empty

  // "message" and, on lines of their own, detail and next.
  std::string text() const;
};

template <class T>
using Result = boost::system::result<T, Error>;

inline Error make_error(Errc code, std::string message, std::string next = {}) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  error.next = std::move(next);
  return error;
}

// Found by boost::system::result when .value() is called on an error: that is a bug of ours.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  boost::throw_exception(std::logic_error(error.text()), where);
}

}  // namespace pgphase

// `TRY(name, expression)`: name = the value, or return the error from the enclosing function.
#define PGPHASE_TRY(name, ...)                        \
  auto name##_result = (__VA_ARGS__);                 \
  if (!name##_result) return name##_result.error();   \
  auto&& name = *name##_result  // NOLINT(bugprone-macro-parentheses)

// The same for Result<void>, or where the value is not wanted.
#define PGPHASE_CHECK(...)                                                    \
  do {                                                                        \
    if (auto pgphase_checked = (__VA_ARGS__); !pgphase_checked) return pgphase_checked.error(); \
  } while (false)

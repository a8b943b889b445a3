// The parts of a gate that the server answers. Reads only; blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// Runs the gate's `check` in a read-only transaction with a timeout of a minute. Nothing: it holds. A text: why it does
// not, PostgreSQL's error included, because a check that fails must not open a gate. An Error: the connection is gone.
Result<std::optional<std::string>> check_holds(Session& session, const std::string& sql);

// By the server's clock and the server's time zones. Nothing: it is open. A text: why it is shut.
Result<std::optional<std::string>> window_open(Session& session, const Window& window);

// Pure: whether a moment of the week lies in the window. `weekday` 1 = Monday … 7 = Sunday, `minute` since midnight. A
// window that ends on the next day belongs to the day on which it opens.
bool window_contains(const Window& window, int weekday, int minute);

}  // namespace pgphase

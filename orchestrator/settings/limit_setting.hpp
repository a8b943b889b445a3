// A limit of the throttle as it is written: a bare value ("10s", 64, "2x", "off"), or a table that says in `unreadable`
// what follows when the signal cannot be read, and for the signals that are queries of the user's, in `sql`, the query.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "phases/throttle/signal.hpp"
#include "plans/toml/reader.hpp"

namespace pgphase {

// A key of [throttle].
std::optional<Signal> signal_named(std::string_view name);

// What may be written, for people: "duration", "size", "percentage".
std::string limit_in_words(Signal signal);

// As in a variable or a flag: "10s", "off", and "10s hold" or "10s continue" for the other key.
Result<SignalLimit> parse_limit(Signal signal, std::string_view text);

// The key named like the signal. Nothing when it is missing, and also, after the mistakes were noted at their places,
// when it is wrong.
std::optional<SignalLimit> read_limit(Signal signal, TableReader& reader);

// What is wrong with it, if it is out of range; `least` and `most` in the signal's unit, a share in percent.
std::optional<std::string> limit_out_of_range(Signal signal, const SignalLimit& limit, std::int64_t least,
                                              std::int64_t most);

}  // namespace pgphase

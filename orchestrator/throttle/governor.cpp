#include "orchestrator/throttle/governor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgphase {
namespace {

constexpr int k_most_steps = 10;  // after a long silence, the duty is not moved through all of it
constexpr std::chrono::milliseconds k_ask_again{250};
constexpr std::chrono::milliseconds k_first_look{10};
constexpr std::chrono::milliseconds k_longest_pause{5000};

bool is_minimum(Signal signal) {
  return signal == Signal::free_space_query;
}

// How much of what is allowed is used up; 1 is the limit.
double used_up(Signal signal, double value, double limit) {
  if (is_minimum(signal)) return value > 0 ? limit / value : 2;
  if (limit > 0) return value / limit;
  return value > limit ? 2 : 0;  // no way to approach it evenly
}

std::string figure(Signal signal, double value, double limit) {
  const Unit unit = unit_of(signal);
  return fmt::format("{} {}, {} {}", to_string(signal), in_words(unit, value),
                     is_minimum(signal) ? "at least" : "limit", in_words(unit, limit));
}

}  // namespace

Governor::Governor(const ThrottleLimits& limits, TimePoint now)
    : limits_(limits), probe_(limits[Signal::probe_p95]), begun_(now), stepped_(now) {}

void Governor::see(const Reading& reading, TimePoint now) {
  if (!limits_[reading.signal].on) return;
  State& known = state(reading.signal);
  known.read = true;
  known.failed = !reading.value;
  known.words = reading.words;
  if (!reading.value) return;
  known.value = reading.value;
  known.value_at = now;
}

void Governor::see_at_rest(double p95) {
  probe_.at_rest(p95);
}

Governor::Opinion Governor::opinion(Signal signal, TimePoint now) {
  State& known = state(signal);
  Opinion out;
  out.signal = signal;
  if (!fresh(known, now)) {
    known.held = false;
    // Not read in time is as good as unreadable; the probe needs a moment for its first p95.
    const auto patience = signal == Signal::probe_p95 ? k_stale : k_first;
    if (!known.read && now - begun_ < patience) return out;
    if (limits_[signal].unreadable == WhenUnreadable::go_on) return out;
    out.cap = 0;
    out.hold = true;
    out.why = fmt::format("{} {}", to_string(signal),
                          known.failed ? known.words : "cannot be read, because the server has not answered in time");
    return out;
  }
  if (signal == Signal::probe_p95) {
    out = opinion_of_probe(known);
  } else {
    const double limit = limits_[signal].limit;
    const double used = used_up(signal, *known.value, limit);
    known.held = used >= 1 || (known.held && used > k_release_at);
    out.hold = known.held;
    out.cap = known.held ? 0 : std::clamp((1 - used) / (1 - k_ease_from), k_least, 1.0);
    out.why = figure(signal, *known.value, limit);
  }
  out.steady = known.failed;
  return out;
}

Governor::Opinion Governor::opinion_of_probe(const State& probe) const {
  Opinion out;
  out.signal = Signal::probe_p95;
  out.hold = probe_.hold();
  out.cap = out.hold ? 0 : probe_.cap();
  out.why = figure(Signal::probe_p95, *probe.value, probe_.limit());
  if (const auto rest = probe_.rest()) {
    out.why += fmt::format(" (at rest {})", in_words(Unit::milliseconds, *rest));
  }
  return out;
}

Governor::Opinion Governor::worst(TimePoint now) {
  Opinion out;
  bool steady = false;
  for (const Signal signal : k_signals) {
    if (!limits_[signal].on) continue;
    const Opinion one = opinion(signal, now);
    steady = steady || one.steady;
    if (one.cap < out.cap) out = one;
  }
  out.steady = steady;
  return out;
}

void Governor::step(const Opinion& opinion, TimePoint now) {
  if (opinion.hold) {
    duty_ = 0;
  } else if (!moved_) {
    duty_ = opinion.cap;
  } else if (opinion.cap < duty_) {
    duty_ = std::max(opinion.cap, duty_ * k_down);
  } else if (!opinion.steady || duty_ == 0) {
    duty_ = std::min(opinion.cap, duty_ + k_up);
  }
  moved_ = true;
  const State& probe = state(Signal::probe_p95);
  if (limits_[Signal::probe_p95].on && fresh(probe, now) && !probe.failed) probe_.step(*probe.value, duty_);
}

std::string Governor::not_read_yet(TimePoint now) {
  if (now - begun_ >= k_first) return {};
  for (const Signal signal : k_signals) {
    if (signal == Signal::probe_p95 || !limits_[signal].on || state(signal).read) continue;
    return fmt::format("{} is being read for the first time", to_string(signal));
  }
  return {};
}

Verdict Governor::verdict(TimePoint now) {
  Verdict out;
  for (const Signal signal : k_signals) {
    if (!limits_[signal].on) continue;
    const State& known = state(signal);
    const double limit = signal == Signal::probe_p95 ? probe_.limit() : limits_[signal].limit;
    out.signals.push_back({signal, fresh(known, now) ? known.value : std::nullopt, limit, known.words});
  }
  if (auto waiting = not_read_yet(now); !waiting.empty()) {
    stepped_ = now;
    out.duty = 0;
    out.hold = out.first_look = true;
    out.why = std::move(waiting);
    return out;
  }
  Opinion opinion = worst(now);
  if (!moved_) {
    step(opinion, now);
    stepped_ = now;
  }
  int steps = 0;
  while (now - stepped_ >= k_step && ++steps <= k_most_steps) {
    stepped_ += k_step;
    step(opinion, now);
    opinion = worst(now);
  }
  if (now - stepped_ >= k_step) stepped_ = now;
  out.hold = opinion.hold;
  out.duty = opinion.hold ? 0 : std::max(duty_, k_least);
  // A cap above the duty does not slow anything: the duty is on its way up.
  if (opinion.cap < 1 && opinion.cap <= duty_) {
    out.why = opinion.why;
    last_cause_ = opinion.signal;
  } else if (out.duty < 1) {
    out.why = "speeding up again";
    if (last_cause_) out.why += fmt::format(" after {}", to_string(*last_cause_));
  }
  return out;
}

std::chrono::milliseconds pause_after(std::chrono::milliseconds worked, const Verdict& verdict) {
  if (verdict.hold) return verdict.first_look ? k_first_look : k_ask_again;
  const double duty = std::clamp(verdict.duty, Governor::k_least, 1.0);
  const auto pause = std::chrono::duration<double, std::milli>(static_cast<double>(worked.count()) * (1 - duty) / duty);
  return std::min(k_longest_pause, std::chrono::duration_cast<std::chrono::milliseconds>(pause));
}

}  // namespace pgphase

// What the deploy contract says about statements of applications while a phase goes back and forward: which of them may
// fail, and for what. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "phases/branch/traffic.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// Which schema an application was written for: the one from before the phase, or the one that the phase leaves.
enum class Knows { before, after };

// By the contract old code works until constraint and again after its rollback; new code works from its phase on, and
// in front of constraint too, unless SQL written by hand makes there what it needs.
bool must_work(const PhasedPlan& plan, Phase phase, Knows knows, Moment moment);

// True where the constraint or column that the message names is over a column that this application does not know: then
// no value of its own would help.
using BeyondItsReach = std::function<bool(const FailedStatements&)>;

// Those that must not have failed, a sentence each: for want of what the contract promises (42703, 42P01), or at a
// constraint that they cannot satisfy. What PostgreSQL itself answers writers (40001, 40P01), and values that do not
// fit (22, 23), are none; neither is anything in the moment in which the phase moves.
std::vector<std::string> against_the_contract(const PhasedPlan& plan, Phase phase, Knows knows,
                                              const std::vector<FailedStatements>& failed,
                                              const BeyondItsReach& beyond_its_reach);

}  // namespace pgphase

// A transaction on a Session that rolls back unless it was committed. Its label names the failpoints
// `<label>.before_commit` and `<label>.after_commit`. Same threading as the Session.
#pragma once

#include <string>

#include "phases/postgres/session.hpp"

namespace pgphase {

class Transaction {
 public:
  // `settings`: further statements, each ended by ';', that run right after BEGIN in the same round trip.
  // `last`: gets the rows of the last of them.
  static Result<Transaction> begin(Session& session, std::string label, std::string_view settings = {},
                                   Rows* last = nullptr);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : session_(other.session_), label_(std::move(other.label_)) {
    other.session_ = nullptr;
  }
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // After an error of code `in_doubt` the ledger must be read before anything is tried again.
  Result<void> commit();
  void rollback();  // never fails: a connection that cannot roll back is lost, and the server rolls back

 private:
  Transaction(Session& session, std::string label) : session_(&session), label_(std::move(label)) {}
  Session* session_;
  std::string label_;
};

}  // namespace pgphase

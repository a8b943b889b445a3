#include "phases/postgres/transaction.hpp"

#include "phases/base/failpoint.hpp"

namespace pgphase {

Result<Transaction> Transaction::begin(Session& session, std::string label, std::string_view settings, Rows* last) {
  Transaction transaction(session, std::move(label));
  auto begun = session.script("BEGIN;" + std::string(settings));
  if (!begun) return begun.error();
  if (last) *last = std::move(*begun);
  return transaction;
}

Transaction::~Transaction() { rollback(); }

Result<void> Transaction::commit() {
  failpoint(label_, "before_commit");
  auto committed = session_->query("COMMIT");
  if (!committed) {
    if (committed.error().code == Errc::in_doubt) session_ = nullptr;
    return committed.error();
  }
  session_ = nullptr;
  failpoint(label_, "after_commit");
  return {};
}

void Transaction::rollback() {
  if (!session_) return;
  if (!session_->lost()) (void)session_->query("ROLLBACK");
  session_ = nullptr;
}

}  // namespace pgphase

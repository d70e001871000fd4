#include "timing/simulation.h"

#include <algorithm>
#include <deque>
#include <map>
#include <queue>
#include <tuple>

#include "base/check.h"

namespace burin {
namespace {

// Something that one token has at a time.
struct Server {
  bool busy = false;
  int64_t since = 0, worked = 0;
  std::deque<int64_t> waiting;  // jobs
};

// What an event does when its time comes.
enum class Doing : uint8_t { kNextStep, kEndStep, kEndTransfer, kArrive };

struct Event {
  int64_t time = 0, order = 0, job = 0;
  Doing doing = Doing::kNextStep;
  bool operator>(const Event& other) const {
    return std::tie(time, order) > std::tie(other.time, other.order);
  }
};

class Simulation {
 public:
  Simulation(const PlacedFabric& fabric, int64_t users,
             const std::function<TokenRequest(int64_t)>& request_of, const LinkTiming& link,
             bool way_back)
      : fabric_(fabric), users_(users), request_of_(request_of), link_(link), way_back_(way_back) {
    FindServers();
    bank_busy_.assign(static_cast<size_t>(fabric.banks), false);
  }

  SimulatedTokens Run(int64_t jobs) {
    jobs_.resize(static_cast<size_t>(jobs));
    out_.finish.assign(static_cast<size_t>(jobs), -1);
    for (int64_t j = 0; j < std::min(users_, jobs); ++j) Post(0, j, Doing::kArrive);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      ++out_.events;
      Handle(event);
    }
    for (const auto& [key, server] : servers_) {
      out_.busiest_cycles = std::max(out_.busiest_cycles, server.worked);
    }
    return std::move(out_);
  }

 private:
  using Key = std::pair<int32_t, int32_t>;  // (die, engine); a link: (-1 - from, to)
  struct Job {
    size_t pc = 0;
    bool holds = false;
    Key held{0, 0};
    bool going_home = false;
  };

  // Which server every step needs: that of the next step that names a matrix.
  void FindServers() {
    step_server_.resize(fabric_.program.size());
    for (size_t i = 0; i < fabric_.program.size(); ++i) {
      size_t k = i;
      while (fabric_.program[k].matrices[0] < 0) ++k;
      const auto& matrix = fabric_.matrices[static_cast<size_t>(fabric_.program[k].matrices[0])];
      step_server_[i] = {matrix.die, fabric_.chip.fold > 1 ? 0 : matrix.engine};
    }
    std::map<Key, size_t> last_seen;
    for (size_t i = 0; i < step_server_.size(); ++i) {
      const auto seen = last_seen.find(step_server_[i]);
      one_owner_ |= seen != last_seen.end() && seen->second + 1 != i;
      last_seen[step_server_[i]] = i;
    }
  }

  Key ServerOf(size_t step) const { return one_owner_ ? Key{0, 0} : step_server_[step]; }
  int32_t DieAt(size_t step) const { return step_server_[step].first; }

  void Post(int64_t time, int64_t job, Doing doing) { events_.push({time, order_++, job, doing}); }

  void Handle(const Event& event) {
    Job& job = jobs_[static_cast<size_t>(event.job)];
    switch (event.doing) {
      case Doing::kArrive:
        if (job.going_home) return Finish(event.job);
        return Acquire(ServerOf(job.pc), event.job);
      case Doing::kNextStep:
        return StartStep(event.job, job);
      case Doing::kEndStep:
        HoldBanks(event.job, fabric_.program[job.pc], false);
        return Advance(event.job, job);
      case Doing::kEndTransfer:
        if (!one_owner_) Release(job);
        return Post(now_ + link_.latency_cycles, event.job,
                    one_owner_ && !job.going_home ? Doing::kNextStep : Doing::kArrive);
    }
  }

  void Acquire(Key key, int64_t id) {
    Server& server = servers_[key];
    if (server.busy) {
      server.waiting.push_back(id);
      return;
    }
    Take(server, key, id);
  }

  void Take(Server& server, Key key, int64_t id) {
    server.busy = true;
    server.since = now_;
    Job& job = jobs_[static_cast<size_t>(id)];
    job.holds = true;
    job.held = key;
    if (key.first < 0) {
      Post(now_ + TransferCycles(job), id, Doing::kEndTransfer);
    } else {
      Post(now_, id, Doing::kNextStep);
    }
  }

  void Release(Job& job) {
    if (!job.holds) return;
    job.holds = false;
    const Key key = job.held;
    Server& server = servers_[key];
    server.busy = false;
    server.worked += now_ - server.since;
    if (server.waiting.empty()) return;
    const int64_t next = server.waiting.front();
    server.waiting.pop_front();
    Take(server, key, next);
  }

  int64_t TransferCycles(const Job& job) const {
    return link_.TransferCycles(job.going_home ? 4 : 4 * fabric_.plan.config.hidden);
  }

  void StartStep(int64_t id, Job& job) {
    const Step& step = fabric_.program[job.pc];
    HoldBanks(id, step, true);
    Post(now_ + StepCycles(fabric_, step, request_of_(id)), id, Doing::kEndStep);
  }

  // To the next step that runs: here, behind a link, or home.
  void Advance(int64_t id, Job& job) {
    const size_t from = job.pc;
    const TokenRequest request = request_of_(id);
    size_t to = from + 1;
    while (to < fabric_.program.size() && !Runs(fabric_.program[to], request)) ++to;
    job.pc = to;
    job.going_home = to == fabric_.program.size();
    if (job.going_home) {
      if (!way_back_ || DieAt(from) == DieAt(0)) return Finish(id);
      return Leave(id, job, DieAt(from), DieAt(0));
    }
    if (DieAt(from) != DieAt(to)) return Leave(id, job, DieAt(from), DieAt(to));
    if (ServerOf(from) == ServerOf(to)) return Post(now_, id, Doing::kNextStep);
    Release(job);
    Acquire(ServerOf(to), id);
  }

  void Leave(int64_t id, Job& job, int32_t from, int32_t to) {
    if (one_owner_) return Post(now_ + TransferCycles(job), id, Doing::kEndTransfer);
    Release(job);
    Acquire({-1 - from, to}, id);
  }

  void Finish(int64_t id) {
    Release(jobs_[static_cast<size_t>(id)]);
    out_.finish[static_cast<size_t>(id)] = now_;
    if (id + users_ < static_cast<int64_t>(jobs_.size())) Post(now_, id + users_, Doing::kArrive);
  }

  // A pass works in all blocks of its matrices, the embedding in one column block: the token's.
  void HoldBanks(int64_t id, const Step& step, bool hold) {
    if (step.op != Op::kPass && step.op != Op::kEmbed) return;
    for (const int32_t m : step.matrices) {
      if (m < 0) continue;
      const PlacedMatrix& matrix = fabric_.matrices[static_cast<size_t>(m)];
      const bool embed = step.op == Op::kEmbed;
      const int64_t first = embed ? id % matrix.column_blocks * matrix.row_blocks : 0;
      const int64_t count = matrix.row_blocks * (embed ? 1 : matrix.column_blocks);
      for (int64_t b = first; b < first + count; ++b) {
        const auto& block = fabric_.blocks[static_cast<size_t>(matrix.first_block + b)];
        const auto bank = static_cast<size_t>(block.bank);
        out_.bank_conflicts += hold && bank_busy_[bank];
        bank_busy_[bank] = hold;
      }
    }
  }

  const PlacedFabric& fabric_;
  const int64_t users_;
  const std::function<TokenRequest(int64_t)>& request_of_;
  const LinkTiming link_;
  const bool way_back_;
  bool one_owner_ = false;
  std::vector<Key> step_server_;
  std::vector<Job> jobs_;
  std::map<Key, Server> servers_;
  std::vector<bool> bank_busy_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  int64_t now_ = 0, order_ = 0;
  SimulatedTokens out_;
};

}  // namespace

SimulatedTokens SimulateTokens(const PlacedFabric& fabric, int64_t users, int64_t jobs,
                               const std::function<TokenRequest(int64_t job)>& request_of,
                               const LinkTiming& link, bool way_back) {
  BURIN_CHECK(users >= 1 && jobs >= 0);
  return Simulation(fabric, users, request_of, link, way_back).Run(jobs);
}

}  // namespace burin

# What to run, in which order; the work is done by scripts/. Each target installs what it lacks. CARGO_TARGET_DIR is honoured.

.PHONY: help setup plugins examples guests host demo test test-kill test-kafka test-kafka-long test-kafka-kill chaos for-kafka lint bench bench-counts bench-micro profile fuzz dist clean

help:
	@echo 'make demo       the flights example, built and run'
	@echo 'make test       everything, built and tested'
	@echo 'make host       the command, with its stock components'
	@echo 'make plugins    the stock components alone; examples, guests: the others'
	@echo 'make test-kill  2,000,000 records, 30 kills'
	@echo 'make test-kafka on a real Kafka; test-kafka-long: also what takes long; test-kafka-kill: 4,000,000 records, 100 kills'
	@echo 'make chaos      on a real Kafka, hosts and broker are killed and put to sleep: MINUTES=n, SEED=s'
	@echo 'make lint       format, clippy, documentation'
	@echo 'make bench      what a record costs, on the log and on Kafka; compiles everything anew, optimised'
	@echo 'make bench-counts  instructions of single functions, beside a baseline; WRITE=1 makes a new one'
	@echo 'make bench-micro   their time; FILTER=text: those whose name has it'
	@echo 'make profile    a flame graph; WORKLOAD=copy, filter-map, count-memory, count or join'
	@echo 'make fuzz       frames that libFuzzer makes up; MINUTES=n'
	@echo 'make dist       the command as an archive, in dist/; compiles everything anew, optimised'
	@echo 'make setup      installs the packages that are missing'

setup:
	@scripts/setup.sh

plugins: setup
	@scripts/components.sh plugins

examples: setup
	@scripts/components.sh examples
	@scripts/flights-data.sh

guests: setup
	@scripts/components.sh guests
	@tests/guests/js-word-count/build.sh

host: plugins
	@scripts/cargo.sh build

demo: setup
	@scripts/components.sh plugins examples
	@scripts/flights-data.sh
	@scripts/cargo.sh build
	@scripts/demo.sh

test: setup
	@scripts/test.sh

test-kill: setup
	@scripts/components.sh plugins examples
	@scripts/flights-data.sh
	@scripts/cargo.sh build
	@scripts/kill.sh --records 2000000 --kills 30 --longest 3

test-kafka: for-kafka
	@scripts/kafka.sh run.py

test-kafka-long: for-kafka
	@scripts/kafka.sh run.py --long

test-kafka-kill: for-kafka
	@scripts/kafka.sh kill.py --records 4000000 --kills 100 --longest 2

chaos: for-kafka
	@scripts/kafka.sh chaos.py $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

for-kafka: setup
	@scripts/components.sh plugins examples
	@scripts/flights-data.sh
	@scripts/cargo.sh build

lint: setup
	@scripts/lint.sh

bench: setup
	@scripts/bench.sh

bench-counts: setup
	@scripts/measured.sh counts $(if $(WRITE),--write)

bench-micro: setup
	@scripts/measured.sh micro $(FILTER)

profile: setup
	@scripts/measured.sh profile $(or $(WORKLOAD),count)

fuzz: setup
	@scripts/fuzz.sh $(or $(MINUTES),1)

dist: setup
	@scripts/dist.sh

clean:
	@scripts/cargo.sh clean
	@rm -rf dist bench/dist plugins/dist tests/guests/dist tests/guests/js-word-count/node_modules examples/*/components examples/*/.cofferdam
	@rm -f examples/flights/*.jsonl examples/*/*.out.jsonl
